/** The checkout the demo runs from: installs what the lock file asks for where it is missing, and builds. Needs nothing but Node and npm. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deviation } from './deviation.mjs';

const installTimeoutMs = 300_000;
const buildTimeoutMs = 180_000;

export async function prepareCheckout(root, programs, transcript) {
  const missing = missingPackage(root);
  transcript.step(
    'The checkout',
    missing === null ? 'Everything is installed; only the build has to be up to date.' : `Not installed yet: ${missing}.`,
  );
  if (missing !== null) await npm(['ci'], installTimeoutMs);
  await npm(['run', 'build'], buildTimeoutMs);

  async function npm(args, timeoutMs) {
    const line = `npm ${args.join(' ')}`;
    const { code, output } = await programs.run('npm', args, {
      cwd: root,
      env: { ...process.env, npm_config_loglevel: 'error' },
      timeoutMs,
    });
    transcript.command(line, output);
    if (code !== 0) throw new Deviation(`${line} to succeed`, `exit code ${code}\n${output}`);
  }
}

/** The first package of the lock file that is not installed in its version, or null. npm notes what it installed in a lock file of its own. */
function missingPackage(root) {
  const wanted = readJson(join(root, 'package-lock.json'));
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null) throw new Deviation('a package-lock.json in the checkout', root);
  if (installed === null) return 'node_modules';
  for (const [path, { version, optional, link }] of Object.entries(wanted.packages)) {
    // Optional packages are those of other platforms.
    if (path === '' || optional === true || link === true) continue;
    if (installed.packages[path]?.version !== version) return path;
  }
  return null;
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
