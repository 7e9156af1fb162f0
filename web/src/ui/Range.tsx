import { Slider } from 'radix-ui';
import { useState } from 'react';

interface RangeProps {
  label: string;
  value: number;
  max: number;
  step: number;
  /** The value in words. */
  text: (value: number) => string;
  /** While the thumb moves; without it only the end of a move counts. */
  onMove?: (value: number) => void;
  onCommit: (value: number) => void;
  isDisabled?: boolean;
  className?: string;
  testId?: string;
}

/** A slider. While it is dragged it shows the finger's value, not the one that goes on underneath. */
export function Range({ label, value, max, step, text, onMove, onCommit, isDisabled = false, className = '', testId }: RangeProps) {
  const [dragged, setDragged] = useState<number | null>(null);
  const shown = dragged ?? value;
  return (
    <Slider.Root
      className={`range ${className}`}
      value={[Math.min(shown, max)]}
      max={Math.max(max, step)}
      step={step}
      disabled={isDisabled}
      data-testid={testId}
      onValueChange={([next = 0]) => {
        setDragged(next);
        onMove?.(next);
      }}
      onValueCommit={([next = 0]) => {
        setDragged(null);
        onCommit(next);
      }}
    >
      <Slider.Track className="range-track">
        <Slider.Range className="range-fill" />
      </Slider.Track>
      <Slider.Thumb className="range-thumb" aria-label={label} aria-valuetext={text(shown)} />
    </Slider.Root>
  );
}
