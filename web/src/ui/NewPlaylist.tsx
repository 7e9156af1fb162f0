import { useState, type FormEvent } from 'react';
import { useCreatePlaylist } from '../api/queries';
import type { PlaylistCard } from '../api/types';
import { notify } from '../app/notices';
import { t } from '../i18n';
import { Button } from './basics';
import { Sheet } from './Sheet';

interface NameFormProps {
  title: string;
  initial: string;
  action: string;
  isBusy: boolean;
  onSubmit: (name: string) => void;
  onClose: () => void;
}

const NAME_MAX = 200;

export function NameForm({ title, initial, action, isBusy, onSubmit, onClose }: NameFormProps) {
  const [name, setName] = useState(initial);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A form in a dialog is a React child of what opened it.
    event.stopPropagation();
    if (name.trim() !== '') onSubmit(name.trim());
  };
  return (
    <Sheet isOpen onClose={onClose} title={title}>
      <form className="form" onSubmit={submit}>
        <label className="field">
          {t('playlist.name')}
          <input
            data-testid="playlist-name"
            value={name}
            maxLength={NAME_MAX}
            required
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="primary" isBusy={isBusy} data-testid="playlist-save">
            {action}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

interface NewPlaylistProps {
  trackIds?: string[];
  onClose: () => void;
  onCreated?: (playlist: PlaylistCard) => void;
}

export function NewPlaylist({ trackIds = [], onClose, onCreated }: NewPlaylistProps) {
  const create = useCreatePlaylist();
  return (
    <NameForm
      title={t('playlist.new')}
      initial=""
      action={t('action.create')}
      isBusy={create.isPending}
      onClose={onClose}
      onSubmit={(name) =>
        create.mutate(
          { name, trackIds },
          {
            onSuccess: (playlist) => {
              notify(t('playlist.created', { name }));
              onClose();
              onCreated?.(playlist);
            },
          },
        )
      }
    />
  );
}
