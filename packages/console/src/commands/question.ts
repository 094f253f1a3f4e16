/** Asks the operator for one line, on the terminal; stdout stays free for results. */
import { createInterface } from 'node:readline';
import { KeyholeError } from '@keyhole/agent/protocol';

export function askOnTerminal(question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    let answer: string | null = null;
    lines.on('SIGINT', () => lines.close());
    lines.on('close', () => {
      if (answer === null) reject(new KeyholeError('INTERRUPTED', 'nothing was answered, nothing was changed'));
      else resolve(answer);
    });
    lines.question(question, (text) => {
      answer = text;
      lines.close();
    });
  });
}
