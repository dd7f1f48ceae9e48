import { ActionIcon } from '@mantine/core';
import type { ReactNode } from 'react';

/** A small button whose name says which run it is about. */
export const LaneButton = ({
  label,
  hint,
  onClick,
  children,
}: {
  label: string;
  hint: string;
  onClick: () => void;
  children: ReactNode;
}) => (
  <ActionIcon variant="subtle" color="gray" size={22} title={hint} onClick={onClick}>
    {children}
    <span className="unseen">{label}</span>
  </ActionIcon>
);
