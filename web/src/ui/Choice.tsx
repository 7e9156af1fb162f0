import { RadioGroup } from 'radix-ui';

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

/** One of a few, all in sight. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <RadioGroup.Root
      className="choice"
      aria-label={label}
      orientation="horizontal"
      value={value}
      onValueChange={(it) => onChange(it as T)}
    >
      {options.map((it) => (
        <RadioGroup.Item key={it.value} value={it.value} className="choice-item">
          {it.label}
        </RadioGroup.Item>
      ))}
    </RadioGroup.Root>
  );
}
