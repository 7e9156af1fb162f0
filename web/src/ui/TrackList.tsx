import {
  closestCenter,
  DndContext,
  KeyboardSensor,
  PointerSensor,
  useSensor,
  useSensors,
  type Announcements,
  type DragEndEvent,
} from '@dnd-kit/core';
import { SortableContext, sortableKeyboardCoordinates, useSortable, verticalListSortingStrategy } from '@dnd-kit/sortable';
import { CSS } from '@dnd-kit/utilities';
import { GripVertical } from 'lucide-react';
import { useRef, type CSSProperties, type ReactNode } from 'react';
import type { Track } from '../api/types';
import { t } from '../i18n';
import { player } from '../player/controller';
import { TrackRow } from './TrackRow';
import { useRows } from './virtual';

export const ROW_HEIGHT = 56;

interface TrackListProps {
  tracks: readonly Track[];
  label: string;
  lead: 'number' | 'cover';
  hidesAlbum?: boolean;
  onNearEnd?: () => void;
}

/** Tracks that play as one queue from wherever one begins. */
export function TrackList({ tracks, label, lead, hidesAlbum = false, onNearEnd }: TrackListProps) {
  const ref = useRef<HTMLOListElement>(null);
  const { virtualizer, margin } = useRows(ref, tracks.length, ROW_HEIGHT, onNearEnd);
  return (
    <ol ref={ref} className="tracks" aria-label={label} style={{ blockSize: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map(({ index, start }) => {
        const track = tracks[index];
        return (
          track && (
            <li key={track.id + index} style={{ insetBlockStart: start - margin }} aria-posinset={index + 1} aria-setsize={tracks.length}>
              <TrackRow track={track} lead={lead} hidesAlbum={hidesAlbum} onPlay={() => player.playTracks(tracks, index)} />
            </li>
          )
        );
      })}
    </ol>
  );
}

export interface SortableEntry {
  id: string;
  track: Track;
}

interface SortableTracksProps {
  entries: readonly SortableEntry[];
  label: string;
  scrollerId?: string;
  /** `index` is where the entry stands afterwards. */
  onMove: (id: string, index: number) => void;
  children: (entry: SortableEntry, index: number, handle: ReactNode) => ReactNode;
}

/** Tracks in an order of the listener's own: moved by dragging, or by space and arrow keys on the handle. */
export function SortableTracks({ entries, label, scrollerId, onMove, children }: SortableTracksProps) {
  const ref = useRef<HTMLOListElement>(null);
  const { virtualizer, margin } = useRows(ref, entries.length, ROW_HEIGHT, undefined, scrollerId);
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 4 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );
  const place = (id: string | number) => entries.findIndex((it) => it.id === id);
  const onDragEnd = ({ active, over }: DragEndEvent) => {
    if (over !== null && over.id !== active.id) onMove(String(active.id), place(over.id));
  };
  return (
    <DndContext
      sensors={sensors}
      collisionDetection={closestCenter}
      onDragEnd={onDragEnd}
      accessibility={{ announcements: announcements(entries), screenReaderInstructions: { draggable: t('sort.help') } }}
    >
      <SortableContext items={entries.map((it) => it.id)} strategy={verticalListSortingStrategy}>
        <ol ref={ref} className="tracks" aria-label={label} style={{ blockSize: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const entry = entries[index];
            return (
              entry && (
                <SortableRow key={entry.id} entry={entry} top={start - margin}>
                  {(handle) => children(entry, index, handle)}
                </SortableRow>
              )
            );
          })}
        </ol>
      </SortableContext>
    </DndContext>
  );
}

interface SortableRowProps {
  entry: SortableEntry;
  top: number;
  children: (handle: ReactNode) => ReactNode;
}

function SortableRow({ entry, top, children }: SortableRowProps) {
  const { attributes, listeners, setNodeRef, setActivatorNodeRef, transform, transition, isDragging } = useSortable({
    id: entry.id,
  });
  const style: CSSProperties = { insetBlockStart: top, transition };
  const moved = CSS.Translate.toString(transform === null ? null : { ...transform, x: 0 });
  if (moved !== undefined) style.transform = moved;
  return (
    <li ref={setNodeRef} style={style} className={isDragging ? 'is-dragged' : ''} data-entry-id={entry.id}>
      {children(
        <button
          type="button"
          ref={setActivatorNodeRef}
          {...attributes}
          {...listeners}
          className="grip"
          data-testid="grip"
          aria-label={t('sort.handle', { title: entry.track.title })}
        >
          <GripVertical size={16} aria-hidden />
        </button>,
      )}
    </li>
  );
}

function announcements(entries: readonly SortableEntry[]): Announcements {
  const title = (id: string | number) => entries.find((it) => it.id === id)?.track.title ?? '';
  const at = (id: string | number) => entries.findIndex((it) => it.id === id) + 1;
  const total = entries.length;
  return {
    onDragStart: ({ active }) => t('sort.lifted', { title: title(active.id), at: at(active.id), total }),
    onDragOver: ({ active, over }) =>
      over === null ? undefined : t('sort.over', { title: title(active.id), at: at(over.id), total }),
    onDragEnd: ({ active, over }) =>
      t('sort.dropped', { title: title(active.id), at: at(over?.id ?? active.id), total }),
    onDragCancel: ({ active }) => t('sort.cancelled', { title: title(active.id) }),
  };
}
