/** The part of docs/compatibility.md about builds, made from the table of builds and the list of limits. */
import { builds, buildNames, type Build, type BuildName } from './builds.ts';
import { changeNames, changes } from './changes.ts';
import { limits } from './limits.ts';
import type { MapForm } from './compilers.ts';

export function buildsCompatibility(): string[] {
  const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
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
    ...buildNames.map((name) => buildRow(name, builds[name])),
  ];

  function buildRow(name: BuildName, { form, since }: Build): string {
    const cells = limits[name] ?? {};
    const reasons = new Map<string, string[]>();
    for (const change of changeNames) {
      const limit = cells[change];
      if (limit !== undefined && limit.refused !== null) reasons.set(limit.why, [...(reasons.get(limit.why) ?? []), change]);
    }
    const refused = [...reasons].map(([why, names]) => `${names.join(', ')}: ${why}`);
    const works = changeNames.length - [...reasons.values()].flat().length;
    return row(
      since === undefined ? name : `${name} (from Node ${since.join('.')})`,
      form.map,
      whose(form),
      `${works} of ${changeNames.length}`,
      refused.join('; '),
    );
  }
}

function whose({ text }: MapForm): string {
  return { map: 'in the map', checkout: 'from the checkout', process: 'in the process' }[text];
}
