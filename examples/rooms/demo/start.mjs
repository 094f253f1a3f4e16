/** First part of the demo: the service in a repository of its own, an operator, and both running under load. */
import { readFileSync } from 'node:fs';
import { Deviation } from './deviation.mjs';
import { Load, Service } from './service.mjs';

const author = { name: 'Rooms Team', email: 'rooms@example.com', date: '2026-01-15T10:00:00Z' };
const connections = 50;
/** The bids in the quiet room: its first lot opens at 80, and from 1000 on the step is 50. */
const bids = [
  { bidder: 'ann', amount: 80 },
  { bidder: 'bob', amount: 600 },
  { bidder: 'ann', amount: 1_200 },
];

export async function makeRepository(stage) {
  const { workshop, transcript, run } = stage;
  transcript.step('A service', 'An auction house in TypeScript, in a git repository of its own, compiled by tsc.');
  workshop.copyService();
  const env = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: author.date,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    GIT_COMMITTER_DATE: author.date,
  };
  await run('git', ['init', '--quiet', '--initial-branch=main']);
  await run('git', ['add', '--all']);
  await run('git', ['commit', '--quiet', '--message', 'Open the house'], { env });
  await run('npm', ['run', 'build'], { timeoutMs: 120_000 });
  const { stdout } = await run('git', ['rev-parse', 'HEAD']);
  return stdout.trim();
}

export async function makeOperator(stage) {
  const { workshop, transcript, run, programs } = stage;
  transcript.step('An operator', 'A key pair, and one line in the operators file: who may do what. There is no way in without.');
  if (await isInstalled(programs, workshop.env, 'ssh-keygen')) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'alice@example.com', '-f', workshop.key], { cwd: workshop.dir });
    workshop.writeOperators(readFileSync(`${workshop.key}.pub`, 'utf8'));
  } else {
    const { publicKey } = await stage.keyholeJson('keygen', workshop.key, '--name', 'alice');
    transcript.say('(no ssh-keygen on this machine: `keyhole keygen` made the key)');
    workshop.writeOperators(`${publicKey} alice@example.com`);
  }
  transcript.command(`cat ${workshop.operators}`, readFileSync(workshop.operators, 'utf8'));
}

async function isInstalled(programs, env, file) {
  try {
    await programs.run(file, ['-?'], { env });
    return true;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

export async function startUnderLoad(stage, { maxSeconds }) {
  const { workshop, transcript, programs, expect } = stage;
  transcript.step(
    'The service runs, under load',
    `${connections} websocket clients in four rooms, which compare every message with the one before it.`,
  );
  const env = { ...workshop.env, ...workshop.serviceEnv };
  const service = new Service(programs, { cwd: workshop.repo, env });
  const port = await service.listening();
  const settings = Object.entries(workshop.serviceEnv).map(([name, value]) => `${name}=${value}`);
  transcript.command(
    `${settings.join(' ')} \\\n    node --import @keyhole/agent/register dist/server.js &`,
    `${JSON.stringify({ listening: port })}\n${service.stderr}`,
  );

  const load = new Load(programs, { cwd: workshop.repo, env: workshop.env, url: service.url, seconds: maxSeconds });
  const before = await load.wholeSecond();
  transcript.command(`node load.mjs --url ${service.url} &`, `${JSON.stringify(before)}\n`);
  expect(before.connections === connections, `${connections} clients are connected`, before);
  expect(before.wrongMinimums > 0, 'clients are told wrong minimum bids: the bug is there', before);
  return { service, load };
}

/** A room without load, so that one figure can be looked at before and after. */
export async function bidInQuietRoom(stage, service) {
  const { transcript, expect } = stage;
  transcript.step(
    'The wrong bid',
    'A quiet room, where the price stands still. From 1000 on a bid must be 50 more than the one before (`GET /conditions`).',
  );
  await exchange('POST', '/rooms', { name: 'vault', lotMs: 86_400_000 }, 201);
  let last;
  for (const bid of bids) last = await exchange('POST', '/rooms/vault/bids', bid, 200);
  expect(last.price === 1_200 && last.minimum === 1_205, 'after 1200 the house asks for 1205, where 1250 would be right', last);

  async function exchange(method, path, body, status) {
    const answer = await service.request(method, path, body);
    transcript.output(`> ${method} ${path} ${JSON.stringify(body)}\n< ${answer.status} ${JSON.stringify(answer.body)}`);
    if (answer.status !== status) throw new Deviation(`status ${status}`, answer);
    return answer.body;
  }
}
