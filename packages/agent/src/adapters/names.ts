/** The adapters that come with the agent, as the configuration names them. */
export const adapterNames = ['xstate', 'socket.io', 'ws', 'colyseus', 'http', 'workers', 'resources'] as const;
export type AdapterName = (typeof adapterNames)[number];
