import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';

/** Milliseconds in which a second click confirms. */
const WAITS = 4_000;

/** A button that does what it says when it is pressed twice: the second time it asks. `of` is what it is about. */
export function Confirm({ label, of = '', onConfirm }: { label: string; of?: string; onConfirm: () => void }) {
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    if (!asking) return undefined;
    const timer = setTimeout(() => setAsking(false), WAITS);
    return () => clearTimeout(timer);
  }, [asking]);
  const press = (): void => {
    if (asking) onConfirm();
    setAsking(!asking);
  };
  return (
    <Button
      size="compact-sm"
      variant={asking ? 'filled' : 'default'}
      color={asking ? 'red.8' : 'gray'}
      onClick={press}
      onBlur={() => setAsking(false)}
    >
      {asking ? 'Really?' : label}
      {of && <span className="unseen"> {of}</span>}
    </Button>
  );
}
