/** Patches a function of a loaded program from within its process, by the agent's own engine, without a door. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

/** @returns an object whose `look` fetches a function and whose `apply` patches it to the same text, or rejects with why not. */
export async function patching({ dist, root, table }) {
  const part = (file) => import(pathToFileURL(path.join(dist, file)).href);
  const { createPatching } = await part('host/patch/index.js');
  const { Inspector } = await part('host/inspector.js');
  const { handlers } = createPatching({ inspector: new Inspector(), service: 'bench', root, commit: null, table });
  const intent = { entry: 1, entryHash: '', at: '', operator: '', email: '', fingerprint: '' };
  return {
    look: (address) => handlers['fn.get']({ address }),
    async apply({ address, code }, changed = code) {
      const patches = [{ address, code: changed, baseCode: code, source: changed, baseSource: code }];
      const result = await handlers['patch.apply']({ patches, reason: 'bench', maxPauseMs: 60_000 }, { session: 's', call: 1, intent });
      if (!result.ok) throw new Error(JSON.stringify(result.refused));
      return result.patches[0];
    },
  };
}
