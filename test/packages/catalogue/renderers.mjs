/** Readers and renderers. */

export default {
  yaml: {
    version: '2.9.1',
    style: 'classes, dual',
    call: (y) => [y.parse('a: &x [1, "b"]\nc: *x\nd: |\n  t\n'), y.parseDocument('# c\na: 1 # d\n').toString(), y.stringify({ a: [{ b: null }] })],
  },
  'js-yaml': {
    version: '5.5.0',
    style: 'dual',
    call: (y) => [y.load('a: &x [1, 0x1f]\nc: *x\nd: >\n  t\n  u\n'), y.dump({ a: [{ b: null }], c: 'x: y' })],
  },
  marked: {
    version: '18.2.1',
    style: 'minified ES module, private names',
    call: (m) => m.parse('# a\n\n- b\n  - `c`\n\n| x | y |\n| - | - |\n| 1 | 2 |\n'),
  },
  'markdown-it': { version: '15.0.3', style: 'dual', call: (M) => M({ html: true, linkify: true }).render('# a\n\n> http://b.org *c*\n\n1. d\n') },
  'highlight.js': {
    version: '11.12.0',
    style: 'CommonJS and ES modules',
    call: (h) => [h.highlight('const a = `b${1}`', { language: 'js' }).value, h.highlightAuto('SELECT a FROM b').language],
  },
  cheerio: {
    version: '1.2.0',
    style: 'dual, compiled TypeScript',
    call: (c) => {
      const $ = c.load('<ul><li class="a">1<li>2</ul>');
      $('li.a').attr('x', 'y').after('<b>');
      return [
        $.html(),
        $('li')
          .map((i, e) => $(e).text() + i)
          .get(),
      ];
    },
  },
};
