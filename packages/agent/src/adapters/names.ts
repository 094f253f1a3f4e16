/** The adapters that come with the agent, as the configuration names them. */
export const adapterNames = ['xstate', 'socket.io', 'ws', 'http'] as const;
export type AdapterName = (typeof adapterNames)[number];
