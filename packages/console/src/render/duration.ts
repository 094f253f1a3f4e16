/** How long, for people: `4m59s`. Rounded up, so that what is shown as left is not over yet. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.ceil(ms / 1_000);
  const parts = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  const shown = parts.map((part, index) => (part === 0 ? '' : `${part}${'hms'[index]}`)).join('');
  return shown;
}
