// models.mjs -- what the objects are that clients edit (linearizable.mjs): one text, number or flag; a playlist; a room.
//
// An output { refused: CODE } is a refusal for good: the model must refuse it, too. Refusals that say "not now" are no
// operations at all.

/** Holds what was written last. */
export const register = (first) => ({
  init: () => first,
  step(value, { write }, output) {
    if (write !== undefined) return output?.refused ? undefined : write;
    return output === undefined || output.value === value ? value : undefined;
  },
  key: (value) => JSON.stringify(value),
});

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** What the edit leaves, or {refused} where it can't be done. */
function edited(list, input) {
  const { entries, next, name } = list;
  switch (input.do) {
    case 'add': {
      const index = input.index ?? entries.length;
      if (index > entries.length) return { refused: 'INVALID' };
      const added = input.tracks.map((track, i) => [next + i, track]);
      return { entries: [...entries.slice(0, index), ...added, ...entries.slice(index)], next: next + added.length, name };
    }
    case 'remove':
      return { entries: entries.filter(([id]) => id !== input.entry), next, name };
    case 'move': {
      const from = entries.findIndex(([id]) => id === input.entry);
      if (from < 0) return { refused: 'NOT_FOUND' };
      if (input.to >= entries.length) return { refused: 'INVALID' };
      const rest = entries.filter((_, i) => i !== from);
      return { entries: [...rest.slice(0, input.to), entries[from], ...rest.slice(input.to)], next, name };
    }
    case 'rename':
      return { entries, next, name: input.name };
  }
  throw new Error(`no edit: ${JSON.stringify(input)}`);
}

/** A list of tracks whose entries are numbered in the order of their coming, with a version that grows by one with
 * each change. Answers of edits have the version; `look` the version, the name and how many; `entries` all of them. */
export const playlist = (first) => ({
  init: () => ({ version: 1, name: '', next: 1, entries: [], ...first }),
  step(list, input, output) {
    if (input.do === 'look') return isSame(output, { version: list.version, name: list.name, count: list.entries.length }) ? list : undefined;
    if (input.do === 'entries') return isSame(output.entries, list.entries) ? list : undefined;
    const after = edited(list, input);
    if (after.refused || output?.refused) return output === undefined || output.refused === after.refused ? list : undefined;
    const isChange = after.name !== list.name || !isSame(after.entries, list.entries);
    const next = { ...after, version: list.version + (isChange ? 1 : 0) };
    return output === undefined || output.version === next.version ? next : undefined;
  },
  key: ({ version, name, next, entries }) => `${version} ${next} ${name} ${entries.join(' ')}`,
});

/** What is said in a room: numbered as it comes; `page` is the newest ones, newest first. */
export const room = () => ({
  init: () => [],
  step(said, { post, page }, output) {
    if (post !== undefined) return output === undefined || output.id === said.length + 1 ? [...said, post] : undefined;
    const newest = said.map((text, i) => [i + 1, text]).slice(-page).reverse();
    return isSame(output.messages, newest) ? said : undefined;
  },
  key: (said) => said.join('\n'),
});
