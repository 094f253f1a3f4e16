/** The part of docs/compatibility.md about builds, made from the table of builds and the lists of limits. */
import { buildNames, builds, type Build, type BuildName } from './builds.ts';
import { changeNames, changes } from './changes.ts';
import type { MapForm } from './compilers.ts';
import { limits } from './limits.ts';
import { trapLimits } from './trap-limits.ts';
import { trapNames, traps } from './traps.ts';

export function buildsCompatibility(): string[] {
  return [
    '',
    '## Builds',
    '',
    'One TypeScript service (`test/fixtures/orders`) is built in every way below, and ten changes, each of one function, are pushed into it as they stand in its source. What it answers then is',
    'what a service answers that was built anew from the changed source, nothing else has changed, its state is kept, and a revert brings the old answers back. Each change needs a translation:',
    '',
    ...changeNames.map((name) => `- **${name}**: ${changes[name].doc}`),
    '',
    'A source map of another version of the service, or of another file, patches nothing wrongly: what can not be proven with it is refused.',
    '',
    row('build', 'source map', "author's text", 'works', 'refused'),
    row('---', '---', '---', '---', '---'),
    ...buildNames.map((name) => changesOf(name, builds[name])),
    '',
    `The ${trapNames.length} changes below mean something else in the running code than in the author's if they are carried over without care. Each has to be refused, or to do what it does in a new build:`,
    '',
    ...trapNames.map((name) => `- **${name}**: ${traps[name].doc}`),
    '',
    row('build', 'right', 'refused', 'wrong'),
    row('---', '---', '---', '---'),
    ...buildNames.map(trapsOf),
    '',
    'Elements of JSX are followed where another function of the file shows what the build makes of them (`test/builds/jsx.test.ts`): React and Preact, automatic and classic, by esbuild (files, bundles, the',
    'library outside or in the bundle), tsc, swc and Babel. *Refused*: code for development (`jsxDEV`), where every element says its line, and spreads that Babel makes calls of a function of its own of',
    '(`React.createElement("li", _extends({ key }, row))`, without `useSpread`).',
  ];
}

function row(...cells: string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function changesOf(name: BuildName, { form, since }: Build): string {
  const refused = changeNames.flatMap((change): [string, string][] => {
    const limit = limits[name]?.[change];
    return limit?.verdict === 'refused' ? [[change, limit.why]] : [];
  });
  const title = since === undefined ? name : `${name} (from Node ${since.join('.')})`;
  return row(title, form.map, whose(form), `${changeNames.length - refused.length} of ${changeNames.length}`, byReason(refused));
}

function whose({ text }: MapForm): string {
  return { map: 'in the map', checkout: 'from the checkout', process: 'in the process' }[text];
}

function trapsOf(name: BuildName): string {
  const limited = (verdict: 'refused' | 'wrong'): [string, string][] =>
    trapNames.flatMap((trap): [string, string][] => {
      const limit = trapLimits[name]?.[trap];
      return limit?.verdict === verdict ? [[trap, limit.why]] : [];
    });
  const [refused, wrong] = [limited('refused'), limited('wrong')];
  return row(name, `${trapNames.length - refused.length - wrong.length} of ${trapNames.length}`, byReason(refused), byReason(wrong));
}

function byReason(limited: readonly [name: string, why: string][]): string {
  const reasons = new Map<string, string[]>();
  for (const [name, why] of limited) reasons.set(why, [...(reasons.get(why) ?? []), name]);
  return [...reasons].map(([why, names]) => `${names.join(', ')}: ${why}`).join('; ');
}
