/** One change of an actor's state in a real service: proven, journaled, undone, and refused wherever it would run code or guess. */
import { beforeAll, describe, expect, test } from 'vitest';
import { agentUrl, answering, journalOf, startService, type Service } from '../helpers/service.ts';

const main = `
import { startAgent } from '${agentUrl}';
let ran = 0;
class Room {
  #secret = 1;
  static shared = 'all';
  constructor() {
    this.open = true; this.price = 10; this.title = 'Vase'; this.leader = null;
    this.queue = [{ price: 1 }, { price: 2 }];
    this.limits = new Map([['max', 100], [7, 'seven'], ['password', 'hunter2']]);
    this.bytes = new Uint8Array([1, 2, 3]);
    this.frozen = Object.freeze({ rate: 1 });
    this.trap = new Proxy({ x: 1 }, { get() { ran += 1; return 1; }, getOwnPropertyDescriptor() { ran += 1; }, set() { ran += 1; return true; } });
    this.lot = { number: 1 };
    this.notify = () => {};
    Object.defineProperty(this, 'own', { get() { ran += 1; return 1; }, set() { ran += 1; }, enumerable: true });
  }
  get danger() { ran += 1; return 1; }
  set danger(value) { ran += 1; }
}
const room = new Room();
const { lot } = room;
Object.setPrototypeOf(room, Object.create(Room.prototype, { inherited: { value: 1, writable: true } }));
const agent = await startAgent();
agent.actors.register('room/lobby', room);
const answer = (line) => ({ ran: () => ran, price: () => room.price, map: () => room.limits.get('max'), number: () => room.limits.get(7), same: () => room.lot === lot, raise: () => (room.price += 1), byte: () => room.bytes[1] })[line]();
${answering}`;

let service: Service;
const set = (path: string, value: string): ReturnType<Service['keyhole']> =>
  service.keyhole('set', 'svc', 'room/lobby', path, value, '--reason', 'stuck', '--json');
const revert = (id: string): ReturnType<Service['keyhole']> => service.keyhole('revert', 'svc', id, '--reason', 'wrong', '--json');

describe('set', () => {
  beforeAll(async () => {
    service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js' });
  });

  test('changes a property, says before and after, and stands in the journal; revert undoes it', async () => {
    const changed = (await set('price', '12')).json() as { id: string; entry: number };
    expect(changed).toMatchObject({ ok: true, id: `s${changed.entry}`, before: 10, after: 12 });
    expect(await service.ask('price')).toBe('12');
    const [intent, outcome] = journalOf(service).filter(({ kind }) => kind === 'set');
    expect(intent).toMatchObject({
      phase: 'intent',
      seq: changed.entry,
      request: { actor: 'room/lobby', path: 'price', value: '12', reason: 'stuck' },
    });
    expect(outcome).toMatchObject({ phase: 'outcome', status: 'done', result: { before: 10, after: 12 } });
    expect((await service.keyhole('log', 'svc')).stdout).toContain('room/lobby price = 12');
    expect((await revert(changed.id)).json()).toMatchObject({ ok: true, changes: [{ id: changed.id, actor: 'room/lobby', path: 'price' }] });
    expect(await service.ask('price')).toBe('10');
    expect((await revert(changed.id)).code).toBe(1);
  });

  test('does not undo what the service has changed since', async () => {
    const { id } = (await set('price', '20')).json() as { id: string };
    await service.ask('raise');
    const reverted = await revert(id);
    expect(reverted.json()).toMatchObject({ ok: false, error: { code: 'STALE_BASE' } });
    expect(await service.ask('price')).toBe('21');
  });

  test('entries of a Map, by text or number, and elements; an undo brings the very object back', async () => {
    expect((await set('limits.max', '5')).json()).toMatchObject({ ok: true, before: 100, after: 5 });
    expect(await service.ask('map')).toBe('5');
    expect((await set('limits[7]', '"eight"')).json()).toMatchObject({ ok: true, before: 'seven' });
    expect(await service.ask('number')).toBe('"eight"');
    expect((await set('queue[1].price', '3')).json()).toMatchObject({ ok: true, before: 2 });
    expect((await set('bytes[1]', '9')).json()).toMatchObject({ ok: true });
    const { id } = (await set('lot', '{"number":2}')).json() as { id: string };
    expect(await service.ask('same')).toBe('false');
    await revert(id);
    expect(await service.ask('same')).toBe('true');
  });

  test('what is secret is neither shown nor journaled', async () => {
    expect((await set('limits.password', '"swordfish"')).json()).toMatchObject({ ok: true, before: '[redacted]', after: '[redacted]' });
    expect((await set('lot', '{"password":"opensesame"}')).json()).toMatchObject({ ok: true });
    const text = JSON.stringify(journalOf(service));
    expect(['swordfish', 'hunter2', 'opensesame'].filter((secret) => text.includes(secret))).toEqual([]);
  });

  test.each([
    ['own', '1', 'NOT_PATCHABLE', 'accessor'],
    ['danger', '1', 'NOT_PATCHABLE', 'accessor'],
    ['trap.x', '1', 'NOT_PATCHABLE', 'Proxy'],
    ['frozen.rate', '2', 'NOT_PATCHABLE', 'read-only'],
    ['inherited', '2', 'NOT_PATCHABLE', 'inherited'],
    ['notify', '1', 'NOT_PATCHABLE', 'function'],
    ['queue.length', '0', 'NOT_PATCHABLE', 'drop elements'],
    ['price', '"12"', 'NOT_PATCHABLE', 'a number and would become a string'],
    ['bytes[1]', '1.5', 'UNPROVEN', 'did not take'],
    ['pryce', '1', 'NOT_FOUND', 'no property pryce'],
    ['limits.least', '1', 'NOT_FOUND', 'no key least'],
    ['price.x', '1', 'NOT_FOUND', 'no object'],
    ['#secret', '1', 'BAD_REQUEST', 'not understood'],
    ['price', '12,', 'BAD_REQUEST', 'not JSON'],
  ])('refuses %s = %s: %s', async (path, value, code, why) => {
    const refused = await set(path, value);
    expect(refused.json()).toMatchObject({ ok: false, error: { code, message: expect.stringContaining(why) as string } });
    expect(refused.code).toBeGreaterThan(0);
  });

  test('ran no code of the service', async () => {
    expect(await service.ask('ran')).toBe('0');
    expect(await service.ask('byte')).toBe('9');
  });
});
