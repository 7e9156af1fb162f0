import { t } from '../i18n';
import { Sheet } from '../ui/Sheet';
import { shortcuts } from './shortcuts';
import { ui } from './ui';

export function Help() {
  return (
    <Sheet isOpen onClose={() => ui.setHelp(false)} title={t('help.title')} testId="help">
      <dl className="keys">
        {shortcuts.map((it) => (
          <div key={it.label}>
            <dt>{t(it.label)}</dt>
            <dd>
              {it.shown.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Sheet>
  );
}
