/**
 * The service of the round trip: loads files of a package and then waits. What can not be loaded here (it is for another runtime) is said and left out.
 * A line `{ calls, path, url, code }` on its input has it call a function, with the module next to this one that knows how; the answer is a line of its output.
 */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const loaded = new Map();
for (const file of process.argv.slice(2)) {
  const url = pathToFileURL(file).href;
  try {
    loaded.set(url, await import(url));
  } catch (error) {
    console.error(`not loaded: ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const write = process.stdout.write.bind(process.stdout);
write(`ready ${loaded.size}\n`);
const answerTo = async (line) => {
  const { calls, path, url, code } = JSON.parse(line);
  const { callByPath } = await import(calls);
  // What the others have brought in is there already: nothing is evaluated.
  const own = loaded.get(url) ?? (await import(url));
  const answer = await callByPath([...new Set([own, ...loaded.values()])], path, code).catch((error) => ({ failed: String(error) }));
  write(`\nanswer ${JSON.stringify(answer)}\n`);
};
createInterface({ input: process.stdin }).on('line', (line) => void answerTo(line));
