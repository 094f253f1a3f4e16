/** What the round trip gave when it was last run by hand (`npm run test:roundtrip`, some minutes for each project), for docs/compatibility.md. */

interface Project {
  name: string;
  /** How it was built; `newest` is the first commit, the others are older. */
  build: string;
  newest: string;
  commits: number;
  whole: number;
  /** Functions that were patched in the commits that went in whole. */
  functions: number;
  refused: string[];
  wrong: number;
}

const date = '2026-11-26';
const projects: Project[] = [
  {
    name: 'honojs/hono',
    build: "esbuild 0.28, ES modules file by file with the project's options, and source maps",
    newest: '1096d66e03a3',
    commits: 30,
    whole: 27,
    functions: 33,
    refused: [
      'a variable of an enclosing function that the running code does not capture',
      'an imported name that is not shown to be what the running code says',
      'WebSocket, which is no global of Node 20, and more parameters than the running code passes on',
    ],
    wrong: 0,
  },
  {
    name: 'mongodb/node-mongodb-native',
    build: 'TypeScript 5.8, CommonJS file by file, texts from git',
    newest: '72c02969f49e',
    commits: 11,
    whole: 10,
    functions: 24,
    refused: ['a variable of an enclosing function that the running code does not capture'],
    wrong: 0,
  },
  {
    name: 'mongodb/node-mongodb-native',
    build: 'esbuild 0.28, one bundle of `src/index.ts` (890 kB, packages outside), texts in the map',
    newest: '72c02969f49e',
    commits: 13,
    whole: 9,
    functions: 9,
    refused: [
      'a variable of an enclosing function that the running code does not capture',
      'calls that the build may have changed (three, because `package.json` in the bundle was looked for calls; mended since, and not played again)',
    ],
    wrong: 0,
  },
  {
    name: 'kysely-org/kysely',
    build: 'TypeScript 5.9, ES modules, texts from git',
    newest: '07d76ed2df25',
    commits: 20,
    whole: 18,
    functions: 18,
    refused: [
      'an import that was of types alone and is one of values now, so the running code never had it',
      'an object of the module whose functions the commit changes (mended since, and not played again)',
    ],
    wrong: 0,
  },
];

export function roundTripCompatibility(): string[] {
  return [
    '',
    '## Commits of public projects',
    '',
    'The newest commits of a project that change function bodies alone (judged by the parser of TypeScript, not by the comparison that `push` uses), each pushed with `keyhole push --commit` into a process that was',
    'started from the build of its parent. *Whole*: the text of each changed module, with the patches in their places, is that of the build of the commit itself. *Refused*: nothing was changed. *Wrong*: an ok that',
    `runs something else, or a refusal that left something patched. Node 20, ${date}, by \`npm run test:roundtrip\`. 30 commits of each were meant; the time was up before. hono and the last three of mongodb's files were played with an earlier translator of the same day. The behaviour of the functions was not compared, and the projects' own tests were not run.`,
    '',
    row('project', 'build', 'commits', 'whole', 'functions in these', 'refused', 'wrong'),
    row('---', '---', '---', '---', '---', '---', '---'),
    ...projects.map((each) =>
      row(
        each.name,
        `${each.build}; ${each.newest} and older`,
        String(each.commits),
        String(each.whole),
        String(each.functions),
        `${each.commits - each.whole - each.wrong}${each.refused.length === 0 ? '' : `: ${each.refused.join('; ')}`}`,
        String(each.wrong),
      ),
    ),
  ];
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
