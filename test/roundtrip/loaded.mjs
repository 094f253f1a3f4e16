/** The service of the round trip: loads files of a package and then waits. What can not be loaded here (it is for another runtime) is said and left out. */
import { pathToFileURL } from 'node:url';

let loaded = 0;
for (const file of process.argv.slice(2)) {
  try {
    await import(pathToFileURL(file).href);
    loaded += 1;
  } catch (error) {
    console.error(`not loaded: ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(`ready ${loaded}`);
process.stdin.resume();
