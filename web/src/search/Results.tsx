import { ArrowRight, CornerDownLeft, Ellipsis } from 'lucide-react';
import { memo, useEffect, type MouseEvent } from 'react';
import { t } from '../i18n';
import { currentTrackOf, usePlayback } from '../player/store';
import type { Option } from './answer';
import { FoundRow } from './FoundRow';
import { hasMenu } from './ResultMenu';
import { RESULTS_ID } from './SearchBox';

interface ResultsProps {
  options: readonly Option[];
  totals: ReadonlyMap<string, number>;
  activeKey: string | null;
  onChoose: (option: Option, inNewTab: boolean) => void;
  onMenu: (option: Option) => void;
}

export function optionId(index: number): string {
  return `search-result-${index}`;
}

/** The list of the combobox: groups of options. The focus stays in the box. */
export function Results({ options, totals, activeKey, onChoose, onMenu }: ResultsProps) {
  const active = options.findIndex((it) => it.key === activeKey);
  useEffect(() => {
    if (active >= 0) document.getElementById(optionId(active))?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  const groups = [...new Set(options.map((it) => it.group))];
  return (
    <div id={RESULTS_ID} className="found" role="listbox" aria-label={t('search.results')} data-testid="search-results">
      {groups.map((group) => (
        <div key={group} role="group" className="found-group" aria-labelledby={`search-${group}`} data-testid={`search-group-${group}`}>
          <div role="presentation" className="found-heading">
            <span id={`search-${group}`}>{t(`search.group.${group}`)}</span>
          </div>
          {options.map((option, index) =>
            option.group !== group ? null : (
              <Row
                key={option.key}
                option={option}
                index={index}
                total={totals.get(group) ?? 0}
                isActive={index === active}
                onChoose={onChoose}
                onMenu={onMenu}
              />
            ),
          )}
        </div>
      ))}
    </div>
  );
}

interface RowProps {
  option: Option;
  index: number;
  total: number;
  isActive: boolean;
  onChoose: ResultsProps['onChoose'];
  onMenu: ResultsProps['onMenu'];
}

const TEST_IDS = {
  tracks: 'track',
  albums: 'album',
  artists: 'artist',
  playlists: 'playlist',
  people: 'person',
  lyrics: 'lyrics-line',
} as const;

const Row = memo(function Row({ option, index, total, isActive, onChoose, onMenu }: RowProps) {
  const { item, group } = option;
  const isTrack = item?.kind === 'tracks' || item?.kind === 'lyrics';
  const isCurrent = usePlayback((it) => isTrack && currentTrackOf(it)?.id === item.node.id);
  const isGone = isTrack && !item.node.isAvailable;
  const state = `${isActive ? 'is-active' : ''} ${isCurrent ? 'is-current' : ''} ${isGone ? 'is-gone' : ''}`;
  const openMenu = (event: MouseEvent) => {
    event.preventDefault();
    event.stopPropagation();
    onMenu(option);
  };
  return (
    <div
      id={optionId(index)}
      role="option"
      aria-selected={isActive}
      {...(isGone ? { 'aria-disabled': true } : {})}
      className={`found-row ${item === null ? 'all' : ''} ${state}`}
      data-testid={item === null ? `search-all-${group}` : TEST_IDS[item.kind]}
      data-key={option.key}
      onMouseDown={(event) => event.preventDefault()}
      onClick={(event) => onChoose(option, event.ctrlKey || event.metaKey)}
      {...(item !== null && hasMenu(item) ? { onContextMenu: openMenu } : {})}
    >
      {item === null ? (
        <>
          {t(`search.all.${option.group}`, { count: total })}
          <ArrowRight size={16} aria-hidden className="found-arrow" />
        </>
      ) : (
        <FoundRow found={item} saysKind={group === 'top'} />
      )}
      {index === 0 && <CornerDownLeft size={16} aria-hidden className="found-enter" />}
      {item !== null && hasMenu(item) && (
        // For the pointer; by keyboard the menu key or Shift+F10.
        <span className="found-more" aria-hidden onClick={openMenu}>
          <Ellipsis size={18} />
        </span>
      )}
    </div>
  );
});
