/**
 * Commits of a repository that change function bodies of its TypeScript and nothing else in it. Judged by TypeScript's own parser, not by Keyhole's comparison: each changed file is printed with its
 * function bodies left out, and has to be the same on both sides; a commit of comments alone is none.
 */
import ts from 'typescript';
import { gitText } from './git.mjs';

/**
 * @param {object} options
 * @param {string} options.repo a git directory, bare or not.
 * @param {string[]} options.source folders of the code, from the top.
 * @param {number} options.count how many at most, newest first.
 * @param {string} options.from where the history is read from.
 * @returns {Generator<{ id: string, parent: string, subject: string, files: string[] }>}
 */
export function* bodyOnlyCommits({ repo, source, count, from }) {
  const lines = gitText(repo, 'log', '--no-merges', '--format=%H %P', from, '--', ...source).split('\n');
  let found = 0;
  for (const line of lines) {
    if (found === count) return;
    const [id, parent] = line.split(' ');
    if (id === undefined || parent === undefined || parent === '') continue;
    const files = changedSources(repo, parent, id, source);
    if (files === null) continue;
    const sides = (print) => files.map((file) => print(repo, parent, file) === print(repo, id, file));
    if (!sides(skeleton).every((same) => same) || sides(withoutComments).every((same) => same)) continue;
    found += 1;
    yield { id, parent, subject: gitText(repo, 'show', '-s', '--format=%s', id), files };
  }
}

const test = /(^|\/)(tests?|__tests__|spec|e2e|runtime-tests)\/|\.(test|spec)\.tsx?$/;

/** The source files of a commit; null where it does more than modify them (tests and documents beside them do not count). */
function changedSources(repo, parent, id, source) {
  const files = [];
  for (const line of gitText(repo, 'diff-tree', '-r', '--no-renames', '--name-status', parent, id).split('\n')) {
    const [status, file] = line.split('\t');
    if (file === undefined || test.test(file) || /\.mdx?$/.test(file)) continue;
    const isSource = source.some((folder) => file.startsWith(`${folder}/`)) && /\.tsx?$/.test(file) && !file.endsWith('.d.ts');
    if (!isSource || status !== 'M') return null;
    files.push(file);
  }
  return files.length === 0 ? null : files;
}

/** A file without the bodies of its outermost functions, without comments and layout. */
function skeleton(repo, commit, file) {
  return printed(repo, commit, file, (node) => {
    if (ts.isBlock(node) && ts.isFunctionLike(node.parent)) return ts.factory.createBlock([]);
    return ts.isArrowFunction(node.parent) && node.parent.body === node ? ts.factory.createNull() : null;
  });
}

function withoutComments(repo, commit, file) {
  return printed(repo, commit, file, () => null);
}

function printed(repo, commit, file, instead) {
  const text = gitText(repo, 'cat-file', 'blob', `${commit}:${file}`);
  const kind = file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, kind);
  const { transformed } = ts.transform(tree, [
    (context) => (root) => {
      const visit = (node) => instead(node) ?? ts.visitEachChild(node, visit, context);
      return ts.visitEachChild(root, visit, context);
    },
  ]);
  return ts.createPrinter({ removeComments: true }).printFile(transformed[0]);
}
