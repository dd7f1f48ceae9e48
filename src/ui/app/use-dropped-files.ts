import { useEffect } from 'react';
import type { Lab } from '../../state/store.ts';

/**
 * A run file dropped anywhere on the page is opened. Another file is refused in a sentence: the browser would leave the
 * page to show it. Whoever takes a drop for itself prevents the default first.
 */
export function useDroppedFiles({ actions }: Lab): void {
  useEffect(() => {
    const onOver = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
    };
    const onDrop = (event: DragEvent): void => {
      const [file] = event.dataTransfer?.files ?? [];
      if (!file || event.defaultPrevented) return;
      event.preventDefault();
      if (/\.zip$/i.test(file.name)) void actions.openRunFile(file);
      else
        actions.refuse(
          new Error(
            'Only run files can be dropped here: they are called *.espalier.zip. An image of your own goes to Inspect, “Your image”.',
          ),
        );
    };
    window.addEventListener('dragover', onOver);
    window.addEventListener('drop', onDrop);
    return () => {
      window.removeEventListener('dragover', onOver);
      window.removeEventListener('drop', onDrop);
    };
  }, [actions]);
}
