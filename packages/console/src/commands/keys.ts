/** Single keys from the terminal, while a command has it for itself. */

/** @returns what gives the terminal back. */
export function readKeys(listener: (key: string) => void): () => void {
  const { stdin } = process;
  const hear = (chunk: Buffer | string): void => listener(String(chunk));
  stdin.setRawMode(true);
  stdin.on('data', hear);
  stdin.resume();
  return () => {
    stdin.off('data', hear);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
