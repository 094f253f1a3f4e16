/** Nothing that a terminal could take for a command gets through the single writer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitize, sanitizeJson } from '../../packages/console/dist/render/sanitize.js';
import { Terminal } from '../../packages/console/dist/render/terminal.js';
import { paint, span } from '../../packages/console/dist/render/text.js';

const dangerous = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|\p{Cf}|\p{Cs}/u; // oxlint-disable-line no-control-regex

describe('sanitize', () => {
  test('every one of the 1,114,112 code points is shown or escaped, and what is harmless stays', () => {
    const wrong: number[] = [];
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const character = String.fromCodePoint(code);
      const shown = sanitize(character);
      const harmless = !dangerous.test(character);
      if (harmless ? shown !== character : shown !== `\\u{${code.toString(16)}}`) wrong.push(code);
    }
    expect(wrong).toEqual([]);
  });

  test('keeps line breaks and tabs, escapes carriage returns', () => {
    expect(sanitize('a\n\tb\r\u001b[31m')).toBe('a\n\tb\\u{d}\\u{1b}[31m');
  });

  test('any text is safe afterwards', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(sanitize(text)).not.toMatch(dangerous);
        expect(sanitize(`${text}\ud800`)).not.toMatch(dangerous);
      }),
    );
  });
});

test('JSON on a terminal is safe and still the same document', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const document = { value, text, [text]: '\u{e0001}\u009b\u202e' };
      const shown = sanitizeJson(JSON.stringify(document));
      expect(shown).not.toMatch(dangerous);
      expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(document)));
    }),
  );
});

describe('the writer', () => {
  const streams = (isTTY: boolean): { out: string[]; terminal: Terminal } => {
    const out: string[] = [];
    const stream = { isTTY, write: (text: string) => out.push(text) };
    return { out, terminal: new Terminal(stream, stream, {}) };
  };

  test('colours on a terminal only, and never what is inside a span', () => {
    const text = [span('bad', 'x\u001b[0m'), ' y'];
    expect(paint(text, true)).toBe('\u001b[31mx\\u{1b}[0m\u001b[39m y');
    expect(paint(text, false)).toBe('x\\u{1b}[0m y');
    const { out, terminal } = streams(false);
    terminal.result(text);
    terminal.message(text);
    expect(out).toEqual(['x\\u{1b}[0m y', 'x\\u{1b}[0m y']);
  });

  test('JSON is escaped too', () => {
    const { out, terminal } = streams(false);
    terminal.json({ a: '\u009b\u202e' });
    expect(out).toEqual(['{"a":"\\u009b\\u202e"}\n']);
  });

  test('NO_COLOR is honoured', () => {
    const out: string[] = [];
    new Terminal({ isTTY: true, write: (text: string) => out.push(text) }, { write: () => true }, { NO_COLOR: '1' }).result(span('bad', 'x'));
    expect(out).toEqual(['x']);
  });

  test('a document is exact for a program and escaped for a person', () => {
    const program = streams(false);
    program.terminal.document('+a\u200db\r\n', '+a\u200db\r\n');
    expect(program.out).toEqual(['+a\u200db\r\n']);
    const person = streams(true);
    person.terminal.document('+a\u200db\r\n', '+a\u200db\r\n');
    expect(person.out).toEqual(['+a\\u{200d}b\\u{d}\n']);
  });
});
