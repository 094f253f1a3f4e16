/** Writes docs/errors.md, docs/limits.md, docs/operations.md and docs/compatibility.md from the tables they describe; with --check only says whether they are up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { doorBounds } from '../../packages/agent/dist/server/door-limits.js';
import { catalogue, errorTable } from '../../packages/agent/dist/protocol/index.js';

// The rows are TypeScript, which Node 20 can not load by itself.
if (process.features.typescript === undefined) register('./typescript-hook.mjs', import.meta.url);
const { compatibility } = await import('../conformance/compatibility.ts');

const check = process.argv.includes('--check');
const row = (...cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;

const errors = [
  '# Error codes',
  '',
  'One table for the wire, `--json` and the exit codes. Made from `packages/agent/src/protocol/errors.ts`.',
  '',
  row('code', 'exit code', 'meaning'),
  row('---', '---', '---'),
  ...Object.entries(errorTable).map(([code, { exitCode, doc }]) => row(`\`${code}\``, exitCode, doc)),
  '',
].join('\n');

const operations = [
  '# Operations',
  '',
  'What crosses the wire (subprotocol `keyhole.1`). Made from `packages/agent/src/protocol/catalogue.ts`.',
  '',
  ...Object.entries(catalogue).flatMap(([name, { doc, capability, journal, where, policy, approval, parameters }]) => [
    `## ${name}`,
    '',
    doc,
    '',
    `Needs \`${capability}\`. ${journal === null ? 'Not journaled.' : `Journaled as \`${journal}\`, before and after.`} Done by the ${where}.${policy === undefined ? '' : ` Rules of a policy for \`${policy}\` narrow it.`}${approval === true ? ' Waits for approval where the service asks for one.' : ''}`,
    '',
    ...(Object.keys(parameters).length === 0
      ? []
      : [
          row('parameter', '', 'meaning'),
          row('---', '---', '---'),
          ...Object.entries(parameters).map(([key, each]) => row(`\`${key}\``, each.required ? 'required' : 'optional', each.doc)),
          '',
        ]),
  ]),
].join('\n');

const bounds = [
  '# Bounds of the door',
  '',
  '`limits` in `startAgent` or `keyhole.config.json`; what is not a whole number between least and most is refused at the start. What both sides of the wire have to agree on can be made smaller,',
  'never larger. Made from `packages/agent/src/server/door-limits.ts`; every other bound stands with its reason in `packages/agent/src/protocol/limits.ts`.',
  '',
  row('option', 'default', 'least', 'most', 'beyond it', 'bounds'),
  row('---', '---', '---', '---', '---', '---'),
  ...Object.entries(doorBounds).map(([name, { default: usual, least, most, answer, doc }]) => row(`\`${name}\``, usual, least, most, answer, doc)),
  '',
].join('\n');

for (const [name, text] of Object.entries({
  'errors.md': errors,
  'limits.md': bounds,
  'operations.md': operations,
  'compatibility.md': compatibility(),
})) {
  const file = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`docs/${name} is not what the tables say: run npm run docs`);
    process.exitCode = 1;
  }
}
