/** Every command on a service whose state is a machine of XState. */
import { everyCommand, modules, orders, ordersSubject } from '../helpers/every-command.ts';
import { answering } from '../helpers/service.ts';

const main = `
import { assign, createActor, createMachine } from '${modules}/xstate/dist/xstate.cjs.mjs';
import { place, spin } from './orders.js';
const shop = createMachine({
  id: 'shop',
  context: { last: '', limit: 3 },
  on: { order: { actions: assign({ last: ({ event }) => place(event.id) }) }, hang: { actions: () => spin() } },
});
const actor = createActor(shop).start();
const answer = (line) => { actor.send({ type: line, id: 7 }); return actor.getSnapshot().context.last; };
${answering}`;

everyCommand({
  ...ordersSubject,
  files: { 'orders.js': orders, 'main.js': main },
  drive: (service) =>
    Promise.resolve({
      call: () => service.ask('order'),
      hang: () => service.write('hang'),
      close: () => undefined,
    }),
  actor: () => Promise.resolve({ id: 'xstate/shop#1', type: 'shop', path: '_snapshot.context.limit', value: '9', before: 3 }),
});
