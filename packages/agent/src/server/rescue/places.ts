/** Places of code as their author knows them, for whatever the host found out about the heap: as for profiles, that is the door's work. */
import type { FoundRetainers } from '../../host/bridge.ts';
import type { Result, RetainerStep } from '../../protocol/index.ts';
import { MainThread } from './main-thread.ts';

export class Places {
  readonly #root: string;
  readonly #startedAt: string;

  /** @param startedAt ISO 8601. */
  constructor(root: string, startedAt: string) {
    this.#root = root;
    this.#startedAt = startedAt;
  }

  async name({ ways, ...found }: FoundRetainers): Promise<Result<'retainers'>> {
    const main = new MainThread();
    try {
      const { AuthorNames } = await import('./author-names.ts');
      const names = new AuthorNames(main, this.#root, Date.parse(this.#startedAt));
      const named: RetainerStep[][] = [];
      for (const way of ways) {
        const steps: RetainerStep[] = [];
        for (const { place, ...step } of way) steps.push({ ...step, ...(place !== null && { at: await names.of(place) }) });
        named.push(steps);
      }
      return { ...found, ways: named };
    } finally {
      main.leave();
    }
  }
}
