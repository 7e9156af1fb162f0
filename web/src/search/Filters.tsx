import { Check, ChevronDown, Heart, X } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { memo, type ReactNode } from 'react';
import type { FacetName, FacetValue } from '../api/types';
import { currentLocale, formatNumber, t, type MessageKey } from '../i18n';
import { useFacets } from './store';
import { ADDED_DAYS, isFiltered, NO_FILTER, POPULARITIES, toggled, type Added, type Filter, type List, type Place } from './place';

interface FiltersProps {
  filter: Filter;
  /** The place that is searched, when a menu is opened. */
  now: () => Place;
  onChange: (filter: Partial<Filter>) => void;
}

/** What narrows the results down. Each menu shows how many tracks each choice would leave. */
export const Filters = memo(function Filters({ filter, now, onChange }: FiltersProps) {
  const given = { filter, now, onChange };
  return (
    <div className="filters" role="group" aria-label={t('filter.title')}>
      <ListFilter {...given} list="genres" />
      <ListFilter {...given} list="moods" />
      <EraFilter {...given} />
      <ListFilter {...given} list="languages" />
      <ListFilter {...given} list="formats" />
      <PopularityFilter filter={filter} onChange={onChange} />
      <AddedFilter filter={filter} onChange={onChange} />
      <button
        type="button"
        className={`filter ${filter.isFavourite ? 'is-on' : ''}`}
        aria-pressed={filter.isFavourite}
        data-testid="filter-favourites"
        onClick={() => onChange({ isFavourite: !filter.isFavourite })}
      >
        <Heart size={16} aria-hidden fill={filter.isFavourite ? 'currentColor' : 'none'} />
        {t('nav.favourites')}
      </button>
      {isFiltered(filter) && (
        <button type="button" className="filter clear" data-testid="filter-clear" onClick={() => onChange(NO_FILTER)}>
          <X size={16} aria-hidden />
          {t('filter.clear')}
        </button>
      )}
    </div>
  );
});

interface FilterMenuProps {
  name: string;
  label: string;
  /** What is chosen, in short; empty: nothing. */
  chosen: string;
  children: ReactNode;
}

function FilterMenu({ name, label, chosen, children }: FilterMenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={`filter ${chosen === '' ? '' : 'is-on'}`} data-testid={`filter-${name}`}>
        {chosen === '' ? label : t('filter.chosen', { label, value: chosen })}
        <ChevronDown size={16} aria-hidden />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu filter-menu" align="start" sideOffset={4} collisionPadding={8} aria-label={label}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface ValuesProps {
  now: () => Place;
  /** The filter without that of the menu. */
  others: Filter;
  name: FacetName;
  chosen: readonly string[];
  children: (values: readonly Value[]) => ReactNode;
}

interface Value {
  value: string;
  count?: number;
}

/** The menu's values with their counts. They are asked for when it is opened. */
function Values({ now, others, name, chosen, children }: ValuesProps) {
  const { data, isPending, error } = useFacets({ ...now(), filter: others });
  const say = (text: string) => (
    <p className="menu-note" role="status">
      {text}
    </p>
  );
  if (error !== null && data === undefined) return say(t('filter.failed'));
  if (isPending || data === undefined) return say(t('state.loading'));
  const values = withChosen(data[name], chosen);
  return values.length === 0 ? say(t('filter.none')) : children(values);
}

function Mark() {
  return (
    <span className="menu-check">
      <DropdownMenu.ItemIndicator asChild>
        <Check size={16} aria-hidden />
      </DropdownMenu.ItemIndicator>
    </span>
  );
}

function Count({ count }: { count: number | undefined }) {
  return count === undefined ? null : <span className="menu-count">{formatNumber(count)}</span>;
}

interface ListFilterProps extends FiltersProps {
  list: List;
}

function ListFilter({ filter, now, list, onChange }: ListFilterProps) {
  const chosen = filter[list];
  const text = chosen.length === 1 ? nameOf(list, chosen[0] ?? '') : chosen.length === 0 ? '' : formatNumber(chosen.length);
  return (
    <FilterMenu name={list} label={t(`filter.${list}`)} chosen={text}>
      <Values now={now} others={{ ...filter, [list]: [] }} name={list} chosen={chosen}>
        {(values) =>
          values.map(({ value, count }) => (
            <DropdownMenu.CheckboxItem
              key={value}
              className="menu-item"
              checked={chosen.includes(value)}
              onCheckedChange={() => onChange({ [list]: toggled(chosen, value) })}
              // Several may be chosen: the menu stays.
              onSelect={(event) => event.preventDefault()}
            >
              <Mark />
              <span className="menu-text">{nameOf(list, value)}</span>
              <Count count={count} />
            </DropdownMenu.CheckboxItem>
          ))
        }
      </Values>
    </FilterMenu>
  );
}

/** What was chosen stays to be taken back, even where it leaves nothing. */
function withChosen(values: readonly FacetValue[], chosen: readonly string[]): Value[] {
  const missing = chosen.filter((it) => !values.some(({ value }) => value === it));
  return [...missing.map((value) => ({ value })), ...values];
}

function nameOf(list: List, value: string): string {
  if (list === 'formats') return formatName(value);
  return list === 'languages' ? languageName(value) : value;
}

/** Most are called by their letters. */
function formatName(value: string): string {
  const key = `filter.format.${value}` as MessageKey;
  const name = t(key);
  return name === key ? value.toUpperCase() : name;
}

/** The server gives tags, and what it knows no tag of as it was written. */
function languageName(value: string): string {
  try {
    const name = new Intl.DisplayNames(currentLocale(), { type: 'language' }).of(value) ?? value;
    return name.toLowerCase() === value.toLowerCase() ? value : name;
  } catch {
    return value;
  }
}

interface OneOfProps {
  value: string;
  options: readonly { value: string; label: string; count?: number | undefined }[];
  onChange: (value: string) => void;
}

/** One of them, or any: the empty value. */
function OneOf({ value, options, onChange }: OneOfProps) {
  return (
    <DropdownMenu.RadioGroup value={value} onValueChange={onChange}>
      {[{ value: '', label: t('filter.any') }, ...options].map((it: OneOfProps['options'][number]) => (
        <DropdownMenu.RadioItem key={it.value} value={it.value} className="menu-item">
          <Mark />
          <span className="menu-text">{it.label}</span>
          <Count count={it.count} />
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

const decade = (value: string | number) => t('filter.decade', { decade: String(value) });

function EraFilter({ filter, now, onChange }: FiltersProps) {
  const { era } = filter;
  const chosen = era === null ? [] : [String(era)];
  return (
    <FilterMenu name="era" label={t('filter.era')} chosen={era === null ? '' : decade(era)}>
      <Values now={now} others={{ ...filter, era: null }} name="decades" chosen={chosen}>
        {(values) => (
          <OneOf
            value={chosen[0] ?? ''}
            options={values
              .toSorted((one, other) => Number(other.value) - Number(one.value))
              .map((it) => ({ ...it, label: decade(it.value) }))}
            onChange={(value) => onChange({ era: value === '' ? null : Number(value) })}
          />
        )}
      </Values>
    </FilterMenu>
  );
}

interface PlainFilterProps {
  filter: Filter;
  onChange: FiltersProps['onChange'];
}

function PopularityFilter({ filter, onChange }: PlainFilterProps) {
  const label = (level: (typeof POPULARITIES)[number]) => t(`filter.popularity.${level}`);
  const chosen = POPULARITIES.find((it) => it === filter.popularity);
  return (
    <FilterMenu name="popularity" label={t('filter.popularity')} chosen={chosen === undefined ? '' : label(chosen)}>
      <OneOf
        value={chosen === undefined ? '' : String(chosen)}
        options={POPULARITIES.map((it) => ({ value: String(it), label: label(it) }))}
        onChange={(value) => onChange({ popularity: Number(value) })}
      />
    </FilterMenu>
  );
}

function AddedFilter({ filter, onChange }: PlainFilterProps) {
  const label = (added: Added) => t(`filter.added.${added}`);
  return (
    <FilterMenu name="added" label={t('filter.added')} chosen={filter.added === null ? '' : label(filter.added)}>
      <OneOf
        value={filter.added ?? ''}
        options={(Object.keys(ADDED_DAYS) as Added[]).map((it) => ({ value: it, label: label(it) }))}
        onChange={(value) => onChange({ added: value === '' ? null : (value as Added) })}
      />
    </FilterMenu>
  );
}
