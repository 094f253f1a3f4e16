/** What the round trip gave when it was last run by hand (`npm run test:roundtrip`, some minutes for each project), for docs/compatibility.md. */

interface Project {
  name: string;
  /** How it was built; `newest` is the first commit, the others are older. */
  build: string;
  newest: string;
  commits: number;
  whole: number;
  /** Functions that were patched in the commits that went in whole: all, those that were called by themselves, and through what stands around them. */
  functions: number;
  itself: number;
  around: number;
  /** Calls that were made in each of the two processes, and how many of them did not throw. */
  calls: number;
  returned: number;
  refused: string[];
  wrong: number;
}

const date = '2026-11-26';
const projects: Project[] = [
  {
    name: 'honojs/hono',
    build: 'esbuild 0.28, ES modules file by file as the project builds them, and source maps',
    newest: '1096d66e03a3',
    commits: 30,
    whole: 28,
    functions: 34,
    itself: 12,
    around: 10,
    calls: 4920,
    returned: 3155,
    refused: ['a variable of an enclosing function that the running code does not capture', 'WebSocket, which is no global of Node 20'],
    wrong: 0,
  },
  {
    name: 'kysely-org/kysely',
    build: 'TypeScript 5.9, ES modules or CommonJS as the commit says, file by file, texts from git',
    newest: '07d76ed2df25',
    commits: 30,
    whole: 29,
    functions: 30,
    itself: 17,
    around: 7,
    calls: 2460,
    returned: 1423,
    refused: ['an import that was of types alone and is one of values now; played again with new imports it goes in, and 180 calls give the same'],
    wrong: 0,
  },
  {
    name: 'mongodb/node-mongodb-native',
    build: 'TypeScript 5.8, CommonJS file by file, texts from git',
    newest: '72c02969f49e',
    commits: 30,
    whole: 29,
    functions: 50,
    itself: 34,
    around: 0,
    calls: 1963,
    returned: 484,
    refused: ['a variable of an enclosing function that the running code does not capture'],
    wrong: 0,
  },
];

export function roundTripCompatibility(): string[] {
  return [
    '',
    '## Commits of public projects',
    '',
    'The newest commits of a project that change function bodies alone (judged by the parser of TypeScript, not by the comparison that `push` uses), each pushed with `keyhole push --commit` into a process',
    'that was started from the build of its parent. *Whole*: the text of each changed module, with the patches in their places, is that of the build of the commit itself. *Refused*: nothing was changed. *Wrong*: an ok that',
    'runs something else or does something else, or a refusal that left something patched.',
    '',
    'What was patched is called in both processes, 60 times each with the same arguments: stand-ins that note what they are asked for, and values made of what the function itself names. What comes back or is thrown, and what',
    'the stand-ins were asked, has to be the same. *By itself*: an exported function, or a method of an exported class; *around*: what is private or made by another is called through that; the others can not be reached by an',
    `export and are compared by text alone. Not compared: what a function is called (a bundler renames) and what V8 quotes of the code in its messages. The projects' own tests were not run. Node 20, ${date}, by`,
    '`npm run test:roundtrip`. hono was played with the translator that brings new imports; kysely and mongodb with the one before it (two and three of their commits once more afterwards). Of mongodb, five of the functions',
    'that were called do not give the same twice in two processes of one build; the calls of the three commits that were played again (240, 174 returned, of 4 functions) are not in the table.',
    '',
    row('project', 'build', 'commits', 'whole', 'functions in these', 'called by itself', 'around', 'calls (returned)', 'refused', 'wrong'),
    row('---', '---', '---', '---', '---', '---', '---', '---', '---', '---'),
    ...projects.map((each) =>
      row(
        each.name,
        `${each.build}; ${each.newest} and older`,
        ...[each.commits, each.whole, each.functions, each.itself, each.around].map(String),
        `${each.calls} (${each.returned})`,
        `${each.commits - each.whole - each.wrong}${each.refused.length === 0 ? '' : `: ${each.refused.join('; ')}`}`,
        String(each.wrong),
      ),
    ),
    '',
    'One bundle of mongodb (890 kB, packages outside) was played before, with 13 commits and by text alone: 9 whole, 4 refused, none wrong.',
  ];
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
