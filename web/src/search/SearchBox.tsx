import { Search as Glass, X } from 'lucide-react';
import { useEffect, useRef, type KeyboardEvent } from 'react';
import { MAIN_ID, SEARCH_ID } from '../app/ui';
import { t } from '../i18n';
import { IconButton } from '../ui/basics';
import type { Move } from './answer';
import { TEXT_MAX } from './place';

export const RESULTS_ID = 'search-results';
const HELP_ID = 'search-help';

interface SearchBoxProps {
  text: string;
  /** Of the results below, the one that Enter takes; null: none is chosen. */
  activeId: string | null;
  /** Results stand below, which the arrow keys go through. */
  hasResults: boolean;
  onType: (text: string) => void;
  /** False: there is nothing to go through; the key is not ours. */
  onMove: (move: Move) => boolean;
  onEnter: () => void;
  onMenu: () => boolean;
  onSettle: () => void;
}

const MOVES: Partial<Record<string, Move>> = {
  ArrowDown: 'next',
  ArrowUp: 'previous',
  PageDown: 'nextGroup',
  PageUp: 'previousGroup',
};

/** A combobox whose list is always open: the focus stays in the box, the arrow keys go through the list (ARIA APG). */
export function SearchBox({ text, activeId, hasResults, onType, onMove, onEnter, onMenu, onSettle }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null);
  // Not `autoFocus`: that would scroll the page, which may have just come back to where it was.
  useEffect(() => input.current?.focus({ preventScroll: true }), []);
  const clear = () => {
    onType('');
    onSettle();
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Keys that an input method uses are not for us.
    if (event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (move !== undefined && !event.shiftKey) {
      if (onMove(move)) event.preventDefault();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      onEnter();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (text !== '') clear();
      else document.getElementById(MAIN_ID)?.focus();
    } else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      if (onMenu()) event.preventDefault();
    }
  };
  return (
    <div className="search">
      <Glass size={20} aria-hidden />
      <input
        id={SEARCH_ID}
        ref={input}
        data-testid="search"
        type="text"
        role="combobox"
        inputMode="search"
        enterKeyHint="search"
        aria-label={t('search.label')}
        aria-describedby={HELP_ID}
        aria-autocomplete="list"
        aria-expanded={hasResults}
        {...(hasResults ? { 'aria-controls': RESULTS_ID } : {})}
        {...(activeId === null ? {} : { 'aria-activedescendant': activeId })}
        value={text}
        maxLength={TEXT_MAX}
        dir="auto"
        placeholder={t('search.placeholder')}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        onChange={(event) => onType(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={onSettle}
      />
      {text !== '' && (
        <IconButton icon={X} size={18} label={t('search.clear')} hasTip={false} data-testid="search-clear" onClick={clear} />
      )}
      <span id={HELP_ID} className="hidden">
        {t('search.keys')}
      </span>
    </div>
  );
}
