/** Several pushes of one function, patches of earlier processes, and commits that are signed. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { signingKeys } from '../../packages/console/dist/client/identity.js';
import { exportPatches } from '../../packages/console/dist/git/export.js';
import { agent, applied, commitChange, old, plainText, renewed, repository, request, type AgentSays, type Place } from '../helpers/export.ts';
import { runConsole } from '../helpers/console-process.ts';
import { newFolder, newKey, run } from '../helpers/service.ts';

const returning = (value: number): string => `function f() {\n  return ${value};\n}`;
const subjects = (place: string, range: string): string[] => run(place, 'git', 'log', '--reverse', '--format=%s', range).split('\n');

describe('several pushes of one function', () => {
  /** 2, then 3 by bob, then 4, which runs. */
  const says: AgentSays = {
    change: { id: 'p9', entry: 9, source: returning(4), reason: 'four' },
    past: [
      {
        id: 'p8',
        entry: 8,
        source: returning(3),
        reason: 'three\nis better',
        state: 'replaced',
        by: 'p9',
        operator: 'bob',
        email: 'bob@example.com',
      },
      { id: 'p7', entry: 7, source: returning(2), reason: 'two', state: 'replaced', by: 'p8' },
      { id: 'p6', entry: 6, source: returning(9), reason: 'taken back', state: 'reverted' },
    ],
  };

  test('are one commit each, each with the text that ran', async () => {
    const at = repository();
    const { mails, patches } = await exportPatches(agent(at, says), request(at.top));
    expect(patches).toEqual(['p7', 'p8', 'p9']);
    const clone = applied(at.top, mails);
    expect(subjects(clone, `${at.commit}..`)).toEqual(['two', 'three', 'four']);
    const texts = [2, 1, 0].map((back) => run(clone, 'git', 'show', `HEAD~${back}:src/a.js`));
    expect(texts).toEqual([2, 3, 4].map((value) => plainText.replace(old, returning(value)).trim()));
  });

  test('or one commit, which says all their reasons and names all who pushed', async () => {
    const at = repository();
    const { commits, patches } = await exportPatches(agent(at, says), request(at.top, { squash: true, branch: 'hotfix' }));
    expect(patches).toEqual(['p7', 'p8', 'p9']);
    expect(commits).toHaveLength(1);
    expect(run(at.top, 'git', 'show', 'hotfix:src/a.js')).toBe(plainText.replace(old, returning(4)).trim());
    const message = run(at.top, 'git', 'log', '-1', '--format=%an|%B', 'hotfix');
    expect(message).toContain('alice|four\n');
    expect(message).toContain(
      'The reason of p7, alice:\n\n    two\n\nThe reason of p8, bob:\n\n    three\n    is better\n\nThe reason of p9, alice:\n\n    four\n',
    );
    expect(run(at.top, 'git', 'log', '-1', '--format=%(trailers:key=Keyhole-Patch,valueonly,separator=%x2C)', 'hotfix')).toBe('p7,p8,p9');
    expect(message).toContain('Co-authored-by: bob <bob@example.com>');
  });

  test('asked for by name come once, and what was taken back does not come with what followed', async () => {
    const at = repository();
    const ids = ['p7', 'p9', 'p9', 'p8'];
    expect((await exportPatches(agent(at, says), request(at.top, { ids, squash: true }))).patches).toEqual(['p7', 'p8', 'p9']);
    await expect(exportPatches(agent(at, says), request(at.top, { ids: ['p9', 'p6'] }))).rejects.toThrow(
      'p9 and p6 are both of src/a.js:f, and neither was made from the other',
    );
    const { mails, notes } = await exportPatches(agent(at, says), request(at.top, { ids: ['p6'] }));
    expect([mails.length, notes]).toEqual([1, ['p6 is not live: reverted since 2026-01-02T03:04:05.678Z']]);
  });

  test('one of them whose source is not what ran is refused, whatever became of it', async () => {
    const at = repository();
    const [bobs, ...others] = says.past ?? [];
    const lie = { ...says, past: [{ ...bobs, code: returning(5) }, ...others] };
    await expect(exportPatches(agent(at, lie), request(at.top))).rejects.toThrow(
      'patch p8 of src/a.js:f is not exported: its source does not give the code',
    );
  });
});

describe('a patch that ended with its process', () => {
  const past: AgentSays = { change: { id: 'p20', address: 'src/a.js:other' }, past: [{ id: 'p7', state: 'lost', reason: 'lost' }] };
  /** The process that runs now was started from a later commit. */
  const moved = (text: string): { at: Place; first: string } => {
    const at = repository();
    writeFileSync(path.join(at.top, 'src/a.js'), text);
    return { at: { ...at, commit: commitChange(at.top, 'later') }, first: at.commit };
  };

  test('is exported by its id, from the commit that it was made for', async () => {
    const { at, first } = moved(`// later\n${plainText}`);
    const says = { ...past, past: past.past?.map((each) => ({ ...each, commit: first })) };
    const { mails, patches, notes } = await exportPatches(agent(at, says), request(at.top, { ids: ['p7'] }));
    expect([patches, notes]).toEqual([['p7'], ['p7 is not live: lost since 2026-01-02T03:04:05.678Z']]);
    expect(run(applied(at.top, mails), 'git', 'show', 'HEAD:src/a.js')).toBe(`// later\n${plainText}`.replace('return 1', 'return 2').trim());
  });

  test('JavaScript that ran as it was written needs nobody to translate it; what was translated is refused without its build', async () => {
    const { at, first } = moved(plainText.replace('return 1', 'return 11'));
    const export7 = (code: string): Promise<unknown> => {
      const gone = {
        ...past,
        loaded: plainText.replace('return 1', 'return 11'),

        past: [{ ...past.past?.[0], commit: first, code }],
      };
      return exportPatches(agent(at, gone), request(at.top, { ids: ['p7'] }));
    };
    await expect(export7(renewed)).resolves.toMatchObject({ patches: ['p7'] });
    await expect(export7(renewed.replace('2', '(0, two_1.two)'))).rejects.toThrow('made for another build than the one that runs');
  });

  test('with one of another build: mails for each, but no branch', async () => {
    const { at, first } = moved(`${plainText}// later\n`);
    const both: AgentSays = { change: { id: 'p20', entry: 20, reason: 'live' }, past: [{ id: 'p7', state: 'lost', reason: 'lost', commit: first }] };
    const ids = ['p7', 'p20'];
    await expect(exportPatches(agent(at, both), request(at.top, { ids, branch: 'hotfix' }))).rejects.toThrow(
      `a branch begins at one commit, and the patches were made for several: p20 for ${at.commit.slice(0, 12)}; p7 for ${first.slice(0, 12)}`,
    );
    expect((await exportPatches(agent(at, both), request(at.top, { ids }))).mails).toHaveLength(2);
  });

  test('an id that nobody knows, and a commit that nobody knows', async () => {
    const at = repository();
    await expect(exportPatches(agent(at, { commit: null }), request(at.top))).rejects.toThrow('nobody knows the commit that patch p7 was made for');
    const none = { ...past, past: [{ id: 'p7', state: 'lost' as const, commit: null }] };
    await expect(exportPatches(agent(at, none), request(at.top, { ids: ['p7'] }))).rejects.toThrow(
      'nobody knows the commit that patch p7 was made for',
    );
  });
});

describe('commits are signed with the key that the operator attached with', () => {
  const folder = newFolder();
  const { file, publicKey } = newKey(folder, 'alice');
  const socket = path.join(folder, 'agent');
  const started = spawnSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' });
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started.stdout)?.[1]);
  afterAll(() => void process.kill(pid));

  const kinds: [string, () => Promise<{ identity: string; publicKey: string }>][] = [
    ['a key file of OpenSSH', () => Promise.resolve({ identity: file, publicKey })],
    [
      'a key that ssh-agent holds',
      () => {
        const held = newKey(newFolder(), 'held');
        run(folder, 'env', `SSH_AUTH_SOCK=${socket}`, 'ssh-add', '-q', held.file);
        process.env['SSH_AUTH_SOCK'] = socket;
        return Promise.resolve({ identity: `${held.file}.pub`, publicKey: held.publicKey });
      },
    ],
    [
      'a key that keyhole keygen made',
      async () => {
        const identity = path.join(newFolder(), 'key');
        const made = await runConsole(['keygen', identity, '--json'], { env: process.env });
        return { identity, publicKey: (made.json() as { publicKey: string }).publicKey };
      },
    ],
  ];
  for (const objectFormat of ['sha1', 'sha256']) {
    for (const [name, make] of kinds) {
      test(`${name}, ${objectFormat}`, async () => {
        const key = await make();
        const [signer] = await signingKeys(key.identity, process.env);
        if (signer === undefined) throw new Error('there is no key');
        const at = repository({ prepare: (top) => run(top, 'git', 'init', '-q', `--object-format=${objectFormat}`) });
        const sign = (text: string): Promise<string> => signer.sign('git', text);
        const says: AgentSays = {
          change: { id: 'p8', entry: 8, source: returning(3) },
          past: [{ id: 'p7', entry: 7, source: returning(2), state: 'replaced', by: 'p8' }],
        };
        const { commits } = await exportPatches(
          agent(at, says),
          request(at.top, { branch: 'hotfix', signer: { publicKey: signer.publicKey, sign } }),
        );
        expect(commits).toHaveLength(2);
        const signers = path.join(folder, 'signers');
        writeFileSync(signers, `alice@example.com namespaces="git" ${key.publicKey}\n`);
        for (const commit of commits) {
          const shown = run(at.top, 'git', '-c', `gpg.ssh.allowedSignersFile=${signers}`, 'log', '-1', '--format=%G?|%GS|%s', commit);
          expect(shown).toBe('G|alice@example.com|because');
          run(at.top, 'git', '-c', `gpg.ssh.allowedSignersFile=${signers}`, 'verify-commit', commit);
        }
        expect(run(at.top, 'git', 'fsck', '--strict', '--no-dangling')).toBe('');
      });
    }
  }

  test('a signature by another key gives no branch', async () => {
    const at = repository();
    const [signer] = await signingKeys(file, process.env);
    const other = newKey(newFolder(), 'other').publicKey;
    const forged = { publicKey: other, sign: (text: string): Promise<string> => signer?.sign('git', text) ?? Promise.reject(new Error('no key')) };
    await expect(exportPatches(agent(at), request(at.top, { branch: 'hotfix', signer: forged }))).rejects.toThrow(
      'git does not accept the signature',
    );
    expect(run(at.top, 'git', 'branch', '--list', 'hotfix')).toBe('');
    expect(readFileSync(path.join(at.top, 'src/a.js'), 'utf8')).toBe(plainText);
  });
});
