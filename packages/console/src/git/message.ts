/**
 * What a commit says, made of what the journal says. Reasons, names and addresses are free text on its way to git, where much of a text is syntax: names are made such as
 * headers and trailers can hold them, and every line of a reason is indented.
 */
import type { PatchRecord } from '@keyhole/agent/protocol';

export interface Person {
  name: string;
  email: string;
}

export interface CommitParts {
  author: Person;
  /** Seconds since 1970, UTC. */
  date: number;
  subject: string;
  body: string;
}

const maxSubjectLength = 120;
const maxWordLength = 300;
/** git am takes a longer name for a mistake, and writes the address in its place. */
const maxNameBytes = 60;

/** Control and format characters (bidirectional ones too), halves of characters, and what Unicode says is none: git takes a text with one for no UTF-8. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Noncharacter_Code_Point}\u2028\u2029]/gu;
const lineEnd = /\r\n|[\n\r\u2028\u2029]/;
/** git takes these off both ends of a name. */
const crud = /^[\s.,:;<>"\\']+|[\s.,:;<>"\\']+$/g;

/**
 * @param patches one, or those that one commit brings together, oldest first; the last one is its author's.
 * @param base the commit that runs.
 */
export function commitParts(patches: readonly [PatchRecord, ...PatchRecord[]], service: string, base: string): CommitParts {
  const last = patches.at(-1) ?? patches[0];
  const author = personOf(last);
  const subject = subjectOf(last.reason) || `Patch ${oneLine(last.address)}`;
  const others = new Map(patches.map((patch) => [personOf(patch).email, personOf(patch)]));
  others.delete(author.email);
  const trailers = [
    ...patches.map(({ id }) => `Keyhole-Patch: ${oneLine(id)}`),
    `Keyhole-Service: ${oneLine(service)}`,
    `Keyhole-Base: ${oneLine(base)}`,
    ...[...new Set(patches.flatMap(({ commits = [] }) => commits))].map((commit) => `Keyhole-Commit: ${oneLine(commit)}`),
    ...patches.map(({ entry, entryHash }) => `Keyhole-Journal: ${entry} ${oneLine(entryHash)}`),
    ...patches.flatMap(reviewTrailers),
    ...patches.map((patch) => `Keyhole-Operator: ${personOf(patch).name} ${oneLine(patch.fingerprint)}`),
    ...[...others.values()].map(({ name, email }) => `Co-authored-by: ${name} <${email}>`),
  ];
  const body = [
    `Keyhole replaced ${oneLine(last.address)} in the running service ${oneLine(service)}.`,
    ...reasons(patches, subject),
    '',
    ...trailers,
  ];
  return { author, date: Math.floor(Date.parse(last.at) / 1000), subject, body: body.join('\n') };
}

/** Who approved it, or that nobody did though somebody should have. */
function reviewTrailers({ approvals = [], breakGlass }: PatchRecord): string[] {
  const approved = approvals.map(({ operator, fingerprint, entry }) => `Keyhole-Approved-By: ${oneLine(operator)} ${oneLine(fingerprint)} ${entry}`);
  return breakGlass === true ? ['Keyhole-Break-Glass: nobody approved it', ...approved] : approved;
}

/** Nothing where the subject says it all. */
function reasons(patches: readonly PatchRecord[], subject: string): string[] {
  if (patches.length === 1 && patches[0]?.reason.trim() === subject) return [];
  return patches.flatMap((patch) => {
    const lines = patch.reason.split(lineEnd).map((line) => `    ${printable(line)}`.trimEnd());
    // One empty line in place of several: git am does the same.
    const kept = lines.filter((line, index) => line !== '' || (index > 0 && lines[index - 1] !== ''));
    while (kept.at(-1) === '') kept.pop();
    const whose = patches.length === 1 ? 'The reason' : `The reason of ${oneLine(patch.id)}, ${personOf(patch).name}`;
    return kept.length === 0 ? [] : ['', `${whose}:`, '', ...kept];
  });
}

/** The first line of the reason, without what git am takes off a subject: leading brackets, `Re:`, colons and white space. */
function subjectOf(reason: string): string {
  const first = reason.split(lineEnd).find((line) => printable(line).trim() !== '') ?? '';
  const bare = printable(first)
    .replace(/\s+/g, ' ')
    .replace(/^(?:[\s:]|\[[^\]]*\]?|re:)+/i, '');
  return [...bare].slice(0, maxSubjectLength).join('').trim();
}

/** A name and an address as git writes them into a commit, and as git am reads them from a mail. */
function personOf({ operator, email }: PatchRecord): Person {
  // In a mail's header parentheses are a comment, and any @ begins the address.
  const name = cutToBytes(oneLine(operator.replace(/[@()\\"<>]/g, ' ')).replace(crud, ''), maxNameBytes).replace(crud, '');
  const sound =
    /^[^\s\p{C}<>"@()\\,;:]{1,100}@[^\s\p{C}<>"@()\\,;:]{1,100}$/u.test(email) && !email.includes('=?') && email.replace(crud, '') === email;
  return { name: name === '' || name === '-' ? 'Keyhole operator' : name, email: sound ? email : 'operator@keyhole.invalid' };
}

/** What stands in a header, a trailer or a sentence: one line, without what mail or git read as syntax. */
function oneLine(text: string): string {
  const line = printable(text).replace(/[<>"]/g, ' ').replace(/\s+/g, ' ').trim();
  return [...line].slice(0, maxWordLength).join('').trim() || '-';
}

/** Scissors (`-- >8 --`) would cut off the text above them, where whoever applies the mail has mailinfo.scissors set. */
function printable(text: string): string {
  return text.replace(unprintable, ' ').replace(/>(?=[8%])|[8%](?=<)/g, '$& ');
}

function cutToBytes(text: string, maxBytes: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > maxBytes) cut = [...cut].slice(0, -1).join('');
  return cut;
}
