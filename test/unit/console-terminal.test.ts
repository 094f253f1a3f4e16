/** Nothing that a terminal could take for a command gets through the single writer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderCall } from '../../packages/console/dist/render/call.js';
import { renderFailure, renderThrown } from '../../packages/console/dist/render/failure.js';
import { renderPage } from '../../packages/console/dist/render/page.js';
import { sanitize, sanitizeJson } from '../../packages/console/dist/render/sanitize.js';
import { Screen } from '../../packages/console/dist/render/screen.js';
import { table } from '../../packages/console/dist/render/table.js';
import { Terminal } from '../../packages/console/dist/render/terminal.js';
import { paint, span } from '../../packages/console/dist/render/text.js';
import { renderDiff, unifiedDiff } from '../../packages/console/dist/render/unified-diff.js';
import { renderValue } from '../../packages/console/dist/render/value.js';
import { KeyholeError } from '../../packages/agent/dist/protocol/index.js';

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

describe('every code point, by every way that leads to the terminal', () => {
  const all = Array.from({ length: 0x110000 / 4_096 }, (_, block) =>
    String.fromCodePoint(...Array.from({ length: 4_096 }, (__, index) => block * 4_096 + index)),
  );
  const preview = (text: string): Parameters<typeof renderValue>[0] => ({
    type: 'object',
    preview: {
      type: 'object',
      description: text,
      overflow: false,
      properties: [
        { name: text, type: 'string', value: text },
        { name: 'f', type: 'function', value: `function ${text}() {}` },
        { name: 's', type: 'symbol', value: `Symbol(${text})` },
        { name: 'x', type: 'object', subtype: 'regexp', value: text },
        { name: 'e', type: 'object', subtype: 'error', value: text },
      ],
      entries: [
        {
          key: { type: 'string', description: text, overflow: false, properties: [] },
          value: { type: 'object', description: text, overflow: false, properties: [] },
        },
      ],
    },
  });
  const ways: [string, (terminal: Terminal, text: string) => void][] = [
    ['a result', (terminal, text) => terminal.result(text)],
    ['a message in colour', (terminal, text) => terminal.message(span('bad', text))],
    ['JSON', (terminal, text) => terminal.json({ [text]: text })],
    ['a line of JSON', (terminal, text) => terminal.jsonLine([text])],
    ['a document', (terminal, text) => terminal.document(text, text)],
    ['the prompt', (terminal, text) => terminal.result(terminal.plain(text))],
    ['a table', (terminal, text) => terminal.result(table([text], [[text, span('name', text)]], ''))],
    ['a string', (terminal, text) => terminal.result(renderValue({ type: 'string', value: text }))],
    ['a symbol', (terminal, text) => terminal.result(renderValue({ type: 'symbol', description: text }))],
    ['a function', (terminal, text) => terminal.result(renderValue({ type: 'function', description: `class ${text} {}` }))],
    ['an error of the service', (terminal, text) => terminal.result(renderValue({ type: 'object', subtype: 'error', description: text }))],
    ['a preview', (terminal, text) => terminal.result(renderValue(preview(text)))],
    [
      'a page',
      (terminal, text) =>
        terminal.result(
          renderPage({
            value: preview(text),
            properties: [{ name: text, kind: 'data', enumerable: true, value: preview(text) }],
            total: 1,
            start: 0,
          }),
        ),
    ],
    ['what was thrown', (terminal, text) => terminal.result(renderThrown({ name: text, message: text, stack: text }))],
    ['a failure', (terminal, text) => terminal.message(renderFailure(new KeyholeError('INTERNAL', text, text)))],
    ['a difference', (terminal, text) => terminal.result(renderDiff(unifiedDiff(text.slice(0, 50), 'b', 'x', text)))],
    [
      'a watched call',
      (terminal, text) =>
        terminal.result(
          renderCall({
            t: 'call',
            number: 1,
            at: 0,
            address: text,
            how: 'returned',
            ms: 1,
            args: [{ type: 'string', value: text }],
            value: preview(text),
            stack: [text],
          }),
        ),
    ],
  ];
  const ours = /\u001b\[\d+m|\u001b\[[\d;]*[A-Z]|\u001b\[\?\d+[hl]/g; // oxlint-disable-line no-control-regex

  test.each(ways)('%s', (_name, way) => {
    const out: string[] = [];
    const stream = { isTTY: true, write: (text: string) => out.push(text) };
    const terminal = new Terminal(stream, stream, {});
    const wrong: number[] = [];
    for (const [block, text] of all.entries()) {
      way(terminal, text);
      if (dangerous.test(out.splice(0).join('').replace(ours, ''))) wrong.push(block);
    }
    expect(wrong).toEqual([]);
  });

  test('a full screen', () => {
    const out: string[] = [];
    const screen = new Screen({ columns: 200, rows: 24, write: (text: string) => out.push(text) }, true);
    const wrong: number[] = [];
    for (let code = 0; code <= 0x10ffff; code += 100) {
      screen.draw([String.fromCodePoint(...Array.from({ length: 100 }, (_, index) => Math.min(code + index, 0x10ffff)))]);
      if (dangerous.test(out.splice(0).join('').replace(ours, ''))) wrong.push(code);
    }
    expect(wrong).toEqual([]);
  });
});
