/** The adapters that come with the agent, as the configuration names them. */
export const adapterNames = ['xstate', 'socket.io', 'ws', 'colyseus', 'http', 'workers', 'timers', 'resources'] as const;
export type AdapterName = (typeof adapterNames)[number];
