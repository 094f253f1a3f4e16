/**
 * ws, by `require`: where one CommonJS module is imported, Node 20 first starts a lexer of WebAssembly to look for the names that it exports, and everybody waits 50 ms more for each command.
 */
import { createRequire } from 'node:module';

export const { WebSocket, WebSocketServer } = createRequire(import.meta.url)('ws') as typeof import('ws');
