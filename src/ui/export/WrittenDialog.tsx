import { Alert, Button, Modal } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { Check, Copy, Download, TriangleAlert } from 'lucide-react';
import type { Written } from '../../state/export.ts';
import { download } from '../widgets/download.ts';
import { compactNumber, percent } from '../widgets/format.ts';
import type { Outcome } from './ExportMenu.tsx';

/** What an export wrote and how it is loaded, or why there is none. */
export default function WrittenDialog({ outcome, onClose }: { outcome: Outcome; onClose: () => void }) {
  const network = 'written' in outcome ? outcome.written.network : undefined;
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      centered
      title={network ? `Exported: ${network.format}` : 'Nothing was exported'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {'refused' in outcome && (
        <Alert color="orange" role="alert" icon={<TriangleAlert size={18} />}>
          {outcome.refused}
        </Alert>
      )}
      {'written' in outcome && network && <Network files={outcome.written.files} network={network} />}
    </Modal>
  );
}

function Network({
  files,
  network: { run, step, summary, macs, parameters, dense, snippet },
}: {
  files: Written['files'];
  network: NonNullable<Written['network']>;
}) {
  const clipboard = useClipboard({ timeout: 1_500 });
  const share = (kept: number, of: number | undefined): string => (of ? ` (${percent(kept / of)} of dense)` : '');
  return (
    <div className="written">
      <p>
        The compact network of <strong>{run}</strong> at step {step.toLocaleString('en')}: {compactNumber(parameters)}{' '}
        parameters{share(parameters, dense?.parameters)}, {compactNumber(macs)} MACs
        {share(macs, dense?.macs)}. {summary}
      </p>
      <ul className="written-files" aria-label="Files">
        {files.map(({ name, bytes }) => (
          <li key={name}>
            <strong>{name}</strong>
            <span>{bytes.length.toLocaleString('en')} bytes</span>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<Download size={14} />}
              aria-label={`Download ${name} again`}
              onClick={() => download(name, bytes)}
            >
              Again
            </Button>
          </li>
        ))}
      </ul>
      <section className="written-code" aria-label="Code that loads it">
        <div className="written-code-head">
          <code>{snippet.install}</code>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={clipboard.copied ? <Check size={14} /> : <Copy size={14} />}
            onClick={() => clipboard.copy(snippet.code)}
          >
            {clipboard.copied ? 'Copied' : 'Copy'}
          </Button>
        </div>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, by keyboard too */}
        <pre tabIndex={0} aria-label={snippet.language === 'python' ? 'Python' : 'JavaScript'} role="region">
          <code>{snippet.code}</code>
        </pre>
      </section>
      <p className="note">
        What was pruned is gone, not masked; kept channels stay in their order, and the file’s metadata list the place
        each had in the full-size network. Strided taps that were pruned are zeros. More: docs/export.md.
      </p>
    </div>
  );
}
