import { Keyboard, LogOut } from 'lucide-react';
import { Switch } from 'radix-ui';
import { useId, useState, type FormEvent } from 'react';
import { signOut, useAccount } from '../api/account';
import { setFeature, setNotice, useServer } from '../api/server_settings';
import { choose, useSettings, type Theme } from '../app_settings';
import { ui } from '../app/ui';
import { t, type MessageKey } from '../i18n';
import type { Quality } from '../player/track_loader';
import { rereadRecent } from '../search/store';
import { Button, Page } from '../ui/basics';
import { Choice } from '../ui/Choice';

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const QUALITIES: readonly Quality[] = ['auto', 'lossless', 'saver'];

export function Settings() {
  const settings = useSettings();
  const user = useAccount((it) => it.user);
  return (
    <Page title={t('nav.settings')}>
      <section className="settings">
        <h2>{t('settings.look')}</h2>
        <div className="setting">
          <span>{t('settings.theme')}</span>
          <Choice
            label={t('settings.theme')}
            value={settings.theme}
            options={THEMES.map((it) => ({ value: it, label: t(`settings.theme.${it}`) }))}
            onChange={(theme) => void choose({ theme })}
          />
        </div>
      </section>
      <section className="settings">
        <h2>{t('settings.sound')}</h2>
        <div className="setting">
          <span>
            {t('settings.quality')}
            <span className="muted">{t(`settings.quality.${settings.quality}.text`)}</span>
          </span>
          <Choice
            label={t('settings.quality')}
            value={settings.quality}
            options={QUALITIES.map((it) => ({ value: it, label: t(`settings.quality.${it}`) }))}
            onChange={(quality) => void choose({ quality })}
          />
        </div>
        <Toggle
          label={t('settings.gapless')}
          text={t('settings.gapless.text')}
          isOn={settings.isGapless}
          onChange={(isGapless) => void choose({ isGapless })}
        />
        <Toggle
          label={t('settings.normalise')}
          text={t('settings.normalise.text')}
          isOn={settings.isNormalised}
          onChange={(isNormalised) => void choose({ isNormalised })}
        />
      </section>
      <section className="settings">
        <h2>{t('nav.search')}</h2>
        <Toggle
          label={t('settings.searchHistory')}
          text={t('settings.searchHistory.text')}
          isOn={settings.isSearchHistoryKept}
          onChange={(isSearchHistoryKept) => void choose({ isSearchHistoryKept }).then(rereadRecent)}
        />
      </section>
      {user?.role === 'ADMIN' && <ForEverybody />}
      <section className="settings">
        <h2>{t('settings.account')}</h2>
        <div className="setting">
          <span>
            {user?.name}
            <span className="muted">{user && t(`role.${user.role}`)}</span>
          </span>
          <Button icon={LogOut} data-testid="sign-out" onClick={() => void signOut()}>
            {t('settings.signOut')}
          </Button>
        </div>
        <div className="setting">
          <span>{t('help.title')}</span>
          <Button icon={Keyboard} onClick={() => ui.setHelp(true)}>
            {t('settings.showKeys')}
          </Button>
        </div>
      </section>
    </Page>
  );
}

/** What administrators choose; the server knows which features there are. */
function ForEverybody() {
  const features = useServer((it) => it.features);
  return (
    <section className="settings" data-testid="for-everybody">
      <h2>{t('settings.everybody')}</h2>
      <NoticeForm />
      {features.map(({ name, isOn }) => (
        <Toggle
          key={name}
          label={t(`feature.${name}` as MessageKey)}
          text={t(`feature.${name}.text` as MessageKey)}
          isOn={isOn}
          onChange={(now) => void setFeature(name, now)}
        />
      ))}
    </section>
  );
}

const NOTICE_MAX = 160;

function NoticeForm() {
  const notice = useServer((it) => it.notice);
  const [draft, setDraft] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    if (await setNotice((draft ?? notice).trim())) setDraft(null);
    setBusy(false);
  };
  return (
    <form className="inline-form setting" onSubmit={(event) => void submit(event)}>
      <label className="field">
        {t('settings.notice')}
        <span className="muted">{t('settings.notice.text')}</span>
        <input
          value={draft ?? notice}
          maxLength={NOTICE_MAX}
          dir="auto"
          data-testid="notice-text"
          onChange={(event) => setDraft(event.target.value)}
        />
      </label>
      <Button type="submit" isBusy={isBusy} disabled={draft === null || draft.trim() === notice} data-testid="notice-save">
        {t('settings.notice.save')}
      </Button>
    </form>
  );
}

interface ToggleProps {
  label: string;
  text: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

function Toggle({ label, text, isOn, onChange }: ToggleProps) {
  const id = useId();
  return (
    <div className="setting">
      <label htmlFor={id}>
        {label}
        <span className="muted">{text}</span>
      </label>
      <Switch.Root id={id} className="switch" checked={isOn} onCheckedChange={onChange}>
        <Switch.Thumb className="switch-thumb" />
      </Switch.Root>
    </div>
  );
}
