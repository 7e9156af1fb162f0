import { History, Search as Glass, X } from 'lucide-react';
import type { KeyboardEvent } from 'react';
import { SEARCH_ID } from '../app/ui';
import { t } from '../i18n';
import { Button, Empty, IconButton } from '../ui/basics';
import { useClearRecent, useRecentSearches, useRemoveRecent } from './store';

export const RECENT_ID = 'search-recent';
const ROW = '.recent-words';

function rows(): HTMLElement[] {
  return [...(document.getElementById(RECENT_ID)?.querySelectorAll<HTMLElement>(ROW) ?? [])];
}

function toBox(): void {
  document.getElementById(SEARCH_ID)?.focus();
}

/** From the empty box, by the arrow key. False: there is nothing. */
export function focusRecent(): boolean {
  const [first] = rows();
  first?.focus();
  return first !== undefined;
}

/** What was searched for before. */
export function Recent({ onChoose }: { onChoose: (text: string) => void }) {
  const { data: recent = [] } = useRecentSearches();
  const remove = useRemoveRecent();
  const clear = useClearRecent();
  if (recent.length === 0) return <Empty icon={Glass} title={t('search.hint')} />;
  /** The focus goes to what takes the place of what goes. */
  const drop = (query: string) => {
    const all = rows();
    const at = all.findIndex((it) => it.textContent === query);
    (all[at + 1] ?? all[at - 1] ?? document.getElementById(SEARCH_ID))?.focus();
    remove.mutate({ query });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = rows();
    const at = all.indexOf(event.target as HTMLElement);
    if (at === -1) return;
    if (event.key === 'ArrowDown') all[at + 1]?.focus();
    else if (event.key === 'ArrowUp') (all[at - 1] ?? document.getElementById(SEARCH_ID))?.focus();
    else if (event.key === 'Delete') drop(recent[at]?.query ?? '');
    else if (event.key === 'Escape') toBox();
    else return;
    event.preventDefault();
  };
  return (
    <section className="recent" aria-labelledby="search-recent-title">
      <div className="recent-header">
        <h2 id="search-recent-title">{t('search.recent')}</h2>
        <Button
          data-testid="recent-clear"
          onClick={() => {
            toBox();
            clear.mutate();
          }}
        >
          {t('search.recent.clear')}
        </Button>
      </div>
      <ul id={RECENT_ID} onKeyDown={onKeyDown}>
        {recent.map(({ query }) => (
          <li key={query} data-testid="recent">
            <button type="button" className="recent-words" onClick={() => onChoose(query)}>
              <History size={18} aria-hidden />
              <bdi>{query}</bdi>
            </button>
            <IconButton icon={X} size={16} label={t('search.recent.remove', { words: query })} hasTip={false} onClick={() => drop(query)} />
          </li>
        ))}
      </ul>
    </section>
  );
}
