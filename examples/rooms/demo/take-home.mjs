/** Last part of the demo: the change leaves the process as a git patch, and passes the tests of a fresh checkout; the journal holds. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { address, expectNoLoss, reason } from './live.mjs';

/** Of what the tests print, one line a test; the rest is shown nowhere but where it matters, in a deviation. */
const test = {
  args: ['test', '--silent', '--', '--test-reporter=tap'],
  shown: /^(not )?ok |^# (pass|fail) /,
  shownAs: "npm test --silent -- --test-reporter=tap | grep -E '^(not )?ok |^# (pass|fail) '",
  timeoutMs: 120_000,
};
const reviewer = ['-c', 'user.name=Rita Reviewer', '-c', 'user.email=rita@example.com'];

export async function exportPatch({ transcript, workshop, run, keyhole, expect }) {
  transcript.step('Take it home', 'The live change as a mail for `git am`.');
  await keyhole('export', 'rooms', '-o', '../hotfix.patch');
  expect(existsSync(join(workshop.dir, 'hotfix.patch')), 'the mail is written', workshop.dir);
  await run('cat', ['../hotfix.patch']);
}

export async function applyElsewhere({ transcript, workshop, run, expect }, { base, patch, intent }) {
  transcript.step('A fresh checkout', "Somebody else's clone of the service. Before the patch its tests say what is wrong.");
  const here = { cwd: workshop.fresh };
  await run('git', ['clone', '--quiet', 'rooms', 'fresh'], { cwd: workshop.dir });
  workshop.link(workshop.fresh);
  const head = await run('git', ['rev-parse', 'HEAD'], here);
  expect(head.stdout.trim() === base, 'it is at the commit that runs', head.stdout);
  const failing = await run('npm', test.args, { ...here, ...test, code: 1 });
  const failed = [...failing.stdout.matchAll(/^not ok \d+ - (.*)$/gm)].map(([, name]) => name);
  expect(
    failed.length === 2 && failed.some((name) => name.startsWith('the minimum follows the price')),
    'the two tests about the step of a bid fail',
    failed,
  );

  transcript.say('With the patch they pass.');
  await run('git', [...reviewer, 'am', '../hotfix.patch'], here);
  const passing = await run('npm', test.args, { ...here, ...test });
  expect(/^# fail 0$/m.test(passing.stdout), 'all tests pass', passing.stdout);

  const show = (format) => run('git', ['log', '-1', `--format=${format}`], here);
  const { stdout: body } = await show('%an <%ae>%n%aI%n%n%B');
  expect(body.startsWith('alice <'), 'the author is the operator', body);
  const dated = Date.parse(body.split('\n')[1]);
  expect(Math.abs(dated - Date.parse(intent.time)) < 2_000, 'the date is that of the change', {
    commit: body.split('\n')[1],
    journal: intent.time,
  });
  expect(body.includes(reason), 'the message holds the reason', body);
  const { stdout: trailers } = await show('%(trailers)');
  for (const [what, value] of [
    ['patch', patch],
    ['service', 'rooms'],
    ['base commit', base],
    ['journal line', intent.hash],
  ]) {
    expect(trailers.includes(value), `a trailer names the ${what}`, trailers);
  }
  const { stdout: files } = await run('git', ['show', '--stat', '--format=%s'], here);
  expect(/1 file changed, 1 insertion\(\+\), 1 deletion\(-\)/.test(files), `nothing changed but one line of ${address.split(':')[0]}`, files);
}

export async function verifyJournal({ transcript, workshop, keyhole, keyholeJson, expect }) {
  transcript.step('The journal holds', 'Recomputed by the agent, and from its files alone.');
  await keyhole('journal', 'verify', 'rooms');
  const running = await keyholeJson('journal', 'verify', 'rooms');
  expect(running.ok === true && running.entries > 0, `the chain of ${running.entries} entries is whole`, running);
  await keyhole('journal', 'verify', workshop.journal);
  const files = await keyholeJson('journal', 'verify', workshop.journal);
  expect(files.ok === true && files.entries >= running.entries, 'the files on disk say the same', files);
}

/** A person gets the console; what they see is the service of this demo, still under load. */
export async function handOver({ transcript, workshop, programs, cli }) {
  transcript.step(
    'Your turn',
    'The service goes on under load, patched. `.actors`, `.help`, or any JavaScript; `.exit` ends the demo and removes everything.',
  );
  await programs.runOnTerminal(process.execPath, [cli, 'attach', 'rooms'], { cwd: workshop.repo, env: workshop.env });
}

export async function closeDown({ transcript, expect }, { service, load, judged }) {
  transcript.step('The end', 'The load ends first and says what it counted over the whole time; then the service is told to stop.');
  const last = await load.finish();
  transcript.output(JSON.stringify(last));
  // What a person did to the service in the console is their own affair.
  if (judged) {
    expect(last.connections === 50 && last.dropped === 0, 'from first to last the same 50 connections', last);
    expectNoLoss(expect, last);
  }
  const ended = await service.stop();
  expect(ended === 0 || !judged, 'the service ends with exit code 0', `${ended}\n${service.stderr}`);
}
