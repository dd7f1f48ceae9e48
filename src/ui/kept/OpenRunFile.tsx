import { Button } from '@mantine/core';
import { FolderOpen } from 'lucide-react';
import { useRef } from 'react';
import { useLab, useLabState } from '../app/lab-context.tsx';

/** Opens a run that somebody saved as a file. */
export function OpenRunFile() {
  const { actions } = useLab();
  const reading = useLabState((state) => state.reading);
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".zip,application/zip"
        aria-label="Run file"
        hidden
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          // The same file may be chosen once more.
          currentTarget.value = '';
          if (file) void actions.openRunFile(file);
        }}
      />
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<FolderOpen size={14} />}
        loading={reading !== null}
        title="A file saved by Export, Run file: it is checked and kept in this browser. It can also be dropped on the page"
        onClick={() => input.current?.click()}
      >
        Open a run file
      </Button>
    </>
  );
}
