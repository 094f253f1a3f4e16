/** A name of the author's file, or a member of what it stands for (`Level.High`, a namespace's). */
export interface Name {
  name: string;
  member: string | null;
}

export function keyOf({ name, member }: Name): string {
  return member === null ? name : `${name}.${member}`;
}

export function nameOfKey(key: string): Name {
  const dot = key.indexOf('.');
  return dot === -1 ? { name: key, member: null } : { name: key.slice(0, dot), member: key.slice(dot + 1) };
}
