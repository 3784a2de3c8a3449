// Every dialog of the pages. Its head is a plain element: the library's own would count as a second
// banner of the document. It does not lock the page's scrolling, which would need a style element
// of its own.
import {Modal} from '@mantine/core';
import type {ReactNode} from 'react';
import {useText} from '../text/language';
import classes from './common.module.css';

interface Props {
  title: string;
  onClose: () => void;
  opened?: boolean;
  size?: 'md' | 'lg';
  // Only its own buttons end it: not Escape, not a click beside it.
  firm?: boolean;
  // A click beside it must not lose what was typed.
  form?: boolean;
  // Covers the page wholly, above everything else.
  curtain?: boolean;
  children: ReactNode;
}

export function Dialog({
  title,
  onClose,
  opened = true,
  size = 'md',
  firm = false,
  form = false,
  curtain = false,
  children,
}: Props) {
  const text = useText().common;
  return (
    <Modal.Root
      opened={opened}
      onClose={onClose}
      size={size}
      lockScroll={false}
      closeOnEscape={!firm}
      closeOnClickOutside={!firm && !form}
      zIndex={curtain ? 1000 : 200}
      centered={curtain}
      transitionProps={{duration: 0}}
    >
      <Modal.Overlay {...(curtain ? {backgroundOpacity: 1, color: 'var(--desk-ground)'} : {})} />
      <Modal.Content>
        <div className={classes.dialogHead}>
          <Modal.Title>{title}</Modal.Title>
          {!firm && <Modal.CloseButton aria-label={text.close} />}
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
