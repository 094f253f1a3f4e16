/** Where the import of a patch goes in its author's file, and when that has it already. */
import { expect, test } from 'vitest';
import type { PatchImport } from '../../packages/agent/dist/protocol/index.js';
import { importsMissing, withImports } from '../../packages/console/dist/typescript/import-lines.js';
import { parseAuthor } from '../../packages/console/dist/typescript/parse.js';

const most: PatchImport = { name: 'most', local: 'most', specifier: './limits.js', imported: 'most', from: './limits.js' };
const rows: [what: string, given: Partial<PatchImport>, text: string, expected: string][] = [
  [
    'after the last import',
    {},
    "import a from 'a';\nimport b from 'b';\nf();\n",
    "import a from 'a';\nimport b from 'b';\nimport { most } from './limits.js';\nf();\n",
  ],
  ['as the file writes them', {}, 'import a from "a"\r\nf()\r\n', 'import a from "a"\r\nimport { most } from "./limits.js"\r\nf()\r\n'],
  ['behind a comment of the line', {}, "import a from 'a'; // why\nf();\n", "import a from 'a'; // why\nimport { most } from './limits.js';\nf();\n"],
  ['before code of the line', {}, "import a from 'a'; f();\n", "import a from 'a';\nimport { most } from './limits.js'; f();\n"],
  ['beside others of the module', {}, "import { least, } from './limits.js';\n", "import { least, most, } from './limits.js';\n"],
  [
    'not beside types',
    {},
    "import type { Least } from './limits.js';\n",
    "import type { Least } from './limits.js';\nimport { most } from './limits.js';\n",
  ],
  ['under another name', { local: 'highest' }, "import { least } from './limits.js';\n", "import { least, most as highest } from './limits.js';\n"],
  [
    'a default',
    { local: 'limits', imported: 'default' },
    "import { least } from './limits.js';\n",
    "import { least } from './limits.js';\nimport limits from './limits.js';\n",
  ],
  ['a namespace', { local: 'limits', imported: '*' }, "import a from 'a';\n", "import a from 'a';\nimport * as limits from './limits.js';\n"],
  ['the first one', {}, "// The file.\n'use strict';\nf();\n", "// The file.\n'use strict';\nimport { most } from './limits.js';\nf();\n"],
  ['what is there', {}, "import { least, most } from './limits.js';\n", "import { least, most } from './limits.js';\n"],
];
for (const [what, given, text, expected] of rows) {
  test(what, () => {
    const wanted = [{ ...most, ...given }];
    const done = withImports(text, 'src/a.ts', wanted);
    expect(done).toBe(expected);
    expect(importsMissing(parseAuthor(done, 'src/a.ts'), wanted)).toEqual([]);
    expect(withImports(done, 'src/a.ts', wanted)).toBe(done);
  });
}

test('another thing of that name is no import of it', () => {
  for (const text of [
    "import { most } from './others.js';\n",
    "import { least as most } from './limits.js';\n",
    'const most = 1;\n',
    "import type { most } from './limits.js';\n",
  ]) {
    expect(importsMissing(parseAuthor(text, 'src/a.ts'), [most]), text).toEqual([most]);
    expect(() => withImports(text, 'src/a.ts', [most]), text).toThrow(/has another most than the one that the patch imports/);
  }
});
