/** docs/compatibility.md, made from the rows and from what each strategy says it can not do. */
import { buildsCompatibility } from '../builds/compatibility.ts';
import { roundTripCompatibility } from '../roundtrip/results.ts';
import { liveEdit } from './live-edit.ts';
import { rebind } from './rebind.ts';
import { rowGroups } from './rows/index.ts';
import { slots } from './slots.ts';
import { nodes, type Conformance, type Limit, type RowLimits } from './strategy.ts';

const strategies: Conformance[] = [slots, liveEdit, rebind];

export function compatibility(): string {
  const row = (...cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const parts = [
    '# Compatibility',
    '',
    `What can be patched, by strategy, on Node ${nodes.join(', ')}. Every line is a program in \`test/conformance/rows\` that is patched and put back again; every strategy plays all of`,
    "them on every Node, and what a strategy refuses or does otherwise is tested as well. Made from those programs and from the strategies' lists beside them.",
    '',
    ...strategies.flatMap(({ strategy, doc, absent }) => [
      `- **${strategy}**: ${doc}${absent === null ? '' : ` Not there on Node ${absent.on.join(', ')}: ${absent.why}; every patch is refused and says so.`}`,
    ]),
    '',
    '*works*: the effect is there after the patch, gone after the revert, and there again. *refused*: the operator is told why, and nothing has changed. *differs*: it is applied and does what',
    'stands there. *not tested*: for the reason given.',
  ];
  for (const [group, rows] of Object.entries(rowGroups)) {
    parts.push('', `## ${group}`, '', row('', ...strategies.map(({ strategy }) => strategy)), row('---', ...strategies.map(() => '---')));
    for (const [name, { steps }] of Object.entries(rows)) {
      const isRefusal = steps.some((step) => 'apply' in step && step.refused !== undefined) && !steps.some((step) => 'revert' in step);
      parts.push(row(name, ...strategies.map((each) => cell(each, name, isRefusal ? 'refused, as it has to be' : 'works'))));
    }
  }
  parts.push(...buildsCompatibility(), ...roundTripCompatibility());
  return `${parts.join('\n')}\n`;
}

function cell({ limits, absent }: Conformance, name: string, works: string): string {
  const given = (limits as RowLimits)[name];
  const list = [given ?? []].flat();
  if (list.length === 0) return works;
  const there = nodes.filter((major) => absent?.on.includes(major) !== true);
  const left = there.filter((major) => !list.some((each) => each.on === undefined || each.on.includes(major)));
  const said = list.map((each) => (each.on === undefined ? phrase(each) : `Node ${each.on.join(', ')}: ${phrase(each)}`));
  return [...(left.length === 0 ? [] : [`${works} on Node ${left.join(', ')}`]), ...said].join('; ');
}

function phrase(limit: Limit): string {
  if ('skip' in limit) return `not tested: ${limit.skip}`;
  return `${limit.refused === undefined ? 'differs' : 'refused'}: ${limit.why}`;
}
