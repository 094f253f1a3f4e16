/** The public test vectors of MessagePack: what the protocol takes is decoded right, and what it does not take it refuses. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { KeyholeError, decodeFrame } from '../../packages/agent/dist/protocol/index.js';

interface ExamType {
  name: string;
}
interface Exam {
  getTypes(): ExamType[];
  getMsgpacks(): Buffer[];
  getValue(type: ExamType): unknown;
  matchValue(value: unknown): boolean;
}
const { Exam } = createRequire(import.meta.url)('msgpack-test-js') as { Exam: { getExams(): Exam[] } };

test('233 encodings: 203 are taken and mean what they should, 30 are extensions and refused', () => {
  let taken = 0;
  let refused = 0;
  for (const exam of Exam.getExams()) {
    const types = exam.getTypes();
    for (const packed of exam.getMsgpacks()) {
      if (types.some(({ name }) => name === 'ext' || name === 'timestamp')) {
        expect(() => decodeFrame(packed, 100_000)).toThrow(KeyholeError);
        refused += 1;
        continue;
      }
      const value = decodeFrame(packed, 100_000);
      // Whole numbers beyond what a double holds are the nearest one; nothing of the protocol is such.
      const means = types.some((type) => (type.name === 'bignum' ? Number(String(exam.getValue(type))) === value : exam.matchValue(value)));
      expect(means ? null : [packed.toString('hex'), types.map(({ name }) => name), value]).toBeNull();
      taken += 1;
    }
  }
  expect({ taken, refused }).toEqual({ taken: 203, refused: 30 });
});
