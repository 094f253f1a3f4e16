/** Loads one package of the catalogue in fresh processes, plain and instrumented, and says what differs. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const look = fileURLToPath(new URL('look.mjs', import.meta.url));
const longestMs = 120_000;

/**
 * @returns {Promise<{ name: string, ways: { how: string, loads: boolean, difference: string | null, files?: object }[] }>} `loads` is false where the package does not load in this
 * way without us either.
 */
export async function comparePackage({ name, node, dist, root }) {
  const ways = [];
  for (const how of ['require', 'import']) {
    const plain = await lookIn({ name, how, node, dist: 'plain', root });
    const instrumented = await lookIn({ name, how, node, dist, root });
    ways.push({ how, loads: plain.failed === null, why: plain.failed, difference: differenceOf(plain, instrumented), files: instrumented.files });
  }
  return { name, ways };
}

/** The first difference in words, or null. */
function differenceOf(plain, instrumented) {
  if (plain.failed !== instrumented.failed) return `plain: ${plain.failed ?? 'loads'}; instrumented: ${instrumented.failed ?? 'loads'}`;
  for (let line = 0; line < Math.max(plain.shape.length, instrumented.shape.length); line += 1) {
    if (plain.shape[line] !== instrumented.shape[line]) return `plain has ${plain.shape[line]}, instrumented ${instrumented.shape[line]}`;
  }
  const [before, after] = [JSON.stringify(plain.answer), JSON.stringify(instrumented.answer)];
  return before === after ? null : `plain answers ${shortened(before)}, instrumented ${shortened(after)}`;
}

const shortened = (text) => (text.length > 300 ? `${text.slice(0, 300)}...` : text);

async function lookIn({ name, how, node, dist, root }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'kh-look-'));
  const out = path.join(folder, 'out.json');
  try {
    const { code, noise } = await new Promise((resolve) => {
      const child = spawn(node, [look, name, how, dist, root, out], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: longestMs });
      let noise = '';
      child.stderr.on('data', (chunk) => {
        noise = (noise + chunk).slice(-2_000);
      });
      child.once('close', (code) => resolve({ code, noise }));
    });
    if (code !== 0) return { failed: `ended with ${code}: ${noise}`, shape: [], answer: null };
    return JSON.parse(readFileSync(out, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
