import { UserRound, UserRoundCheck, UserRoundPlus } from 'lucide-react';
import { useParams } from 'react-router';
import { useFollow, useIsMe, usePerson, usePublicPlaylists } from '../api/queries';
import type { Person as PersonType } from '../api/types';
import { t } from '../i18n';
import { Button, Facts, Loaded, Page } from '../ui/basics';
import { PlaylistCards } from '../ui/PlaylistCards';

/** Somebody who listens here, too. */
export function Person() {
  const { id = '' } = useParams();
  const { data: person, isPending, error, refetch } = usePerson(id);
  return (
    <Loaded isPending={isPending} error={error} onRetry={refetch}>
      {person && <PersonView key={person.id} person={person} />}
    </Loaded>
  );
}

function PersonView({ person }: { person: PersonType }) {
  const { id, name, followerCount, followingCount, isFollowed, isFollower } = person;
  const isMe = useIsMe(id);
  const follow = useFollow(id);
  const facts = [
    t('count.followers', { count: followerCount }),
    t('count.following', { count: followingCount }),
    isFollower ? t('person.followsYou') : null,
  ];
  return (
    <Page
      title={name}
      header={
        <header className="hero">
          <span className="person-icon" aria-hidden>
            <UserRound strokeWidth={1.25} />
          </span>
          <div className="hero-words">
            <p className="hero-kind">{t('search.listener')}</p>
            <h1 tabIndex={-1} data-testid="person-name">
              <bdi>{name}</bdi>
            </h1>
            <p className="muted">
              <Facts facts={facts} />
            </p>
            {!isMe && (
              <div className="hero-actions">
                <Button
                  variant={isFollowed ? 'plain' : 'primary'}
                  icon={isFollowed ? UserRoundCheck : UserRoundPlus}
                  aria-pressed={isFollowed}
                  data-testid="follow"
                  onClick={() => follow.mutate({ isFollowed: !isFollowed })}
                >
                  {t('person.follow')}
                </Button>
              </div>
            )}
          </div>
        </header>
      }
    >
      <PublicPlaylists id={id} />
    </Page>
  );
}

function PublicPlaylists({ id }: { id: string }) {
  const { data: playlists = [], isPending, error, refetch } = usePublicPlaylists(id);
  return (
    <section data-testid="person-playlists">
      <h2>{t('person.playlists')}</h2>
      <Loaded isPending={isPending} error={error} onRetry={refetch}>
        {playlists.length === 0 ? (
          <p className="muted">{t('person.noPlaylists')}</p>
        ) : (
          <PlaylistCards playlists={playlists} label={t('person.playlists')} />
        )}
      </Loaded>
    </section>
  );
}
