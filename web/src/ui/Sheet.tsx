import { X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import type { ReactNode } from 'react';
import { t } from '../i18n';
import { IconButton } from './basics';

interface SheetProps {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  description?: string;
  children: ReactNode;
  testId?: string;
}

/** A dialog in the middle of the page, or from below on a phone. */
export function Sheet({ isOpen, onClose, title, description, children, testId }: SheetProps) {
  return (
    <Dialog.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content
          className="sheet"
          data-testid={testId}
          {...(description === undefined ? { 'aria-describedby': undefined } : {})}
        >
          <div className="sheet-header">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton icon={X} label={t('action.close')} hasTip={false} />
            </Dialog.Close>
          </div>
          {description !== undefined && <Dialog.Description className="muted">{description}</Dialog.Description>}
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
