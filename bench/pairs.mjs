/**
 * What all benches share: fresh processes started in turn, ratios within one turn, medians of the turns, tables in Markdown.
 *
 *   --node BINARY       the Node that is measured; default: KEYHOLE_BENCH_NODE or this one
 *   --dist [NAME=]DIR   a build of the agent; several of them are compared in the same turns; default: packages/agent/dist
 *   --pairs N           default: 11
 *   --only A,B          some of the rows
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: process.env.KEYHOLE_BENCH_NODE ?? process.execPath },
    dist: { type: 'string', multiple: true, default: [path.join(import.meta.dirname, '../packages/agent/dist')] },
    pairs: { type: 'string', default: '11' },
    only: { type: 'string' },
  },
});

export const node = values.node;
export const pairs = Number(values.pairs);
if (!Number.isInteger(pairs) || pairs < 1) throw new Error(`--pairs must be a whole number above 0, not ${values.pairs}`);

/** The builds by name. */
export const dists = values.dist.map((each) => {
  const at = each.indexOf('=');
  return { name: at < 0 ? 'instrumented' : each.slice(0, at), dist: path.resolve(each.slice(at + 1)) };
});

/** The rows that were asked for. */
export const only = (names) => (values.only === undefined ? names : names.filter((name) => values.only.split(',').includes(name)));

/** Runs a script of one measurement in a fresh process; its answer is the JSON that it prints. */
export function measure(script, args, { execArgv = [], env = process.env } = {}) {
  const { stdout, stderr, status, error } = spawnSync(node, [...execArgv, script, ...args], { encoding: 'utf8', env, timeout: 300_000 });
  if (status !== 0) throw new Error(`${path.basename(script)} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

/**
 * Measures each form once a turn, in an order that turns too, so that no form is always the first.
 * @returns {Promise<Map<string, object[]>>} the measurements of each form, one a turn.
 */
export async function interleave(forms, once, turns = pairs) {
  const all = new Map(forms.map((form) => [form, []]));
  for (let turn = 0; turn < turns; turn += 1) {
    for (let step = 0; step < forms.length; step += 1) {
      const form = forms[(turn + step) % forms.length];
      all.get(form).push(await once(form));
    }
  }
  return all;
}

export const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
export const geometricMean = (numbers) => Math.exp(numbers.reduce((sum, each) => sum + Math.log(each), 0) / numbers.length);

/** The median of the ratios of two series, with the middle half of them. */
export function ratioOf(measured, plain) {
  const ratios = measured.map((each, turn) => each / plain[turn]).toSorted((a, b) => a - b);
  const quarter = Math.floor(ratios.length / 4);
  return {
    ratio: median(ratios),
    text: `${median(ratios).toFixed(3)} (${ratios[quarter].toFixed(3)} to ${ratios[ratios.length - 1 - quarter].toFixed(3)})`,
  };
}

/** What stands above each table. */
export function heading(title, method) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`\n### ${title}, Node ${version}\n\n${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores. ${method}\n`);
}

export const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
export const header = (...cells) => {
  row(...cells);
  row(...cells.map(() => '---'));
};
