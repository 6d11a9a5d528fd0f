/* The mains of the tests that card.c runs, which are compiled under these names. */
#ifndef LMVR_TESTS_TRAIN_CARD_H
#define LMVR_TESTS_TRAIN_CARD_H

int run_tape_linear(void);
int run_tape_attention(void);
int run_tape_loss(void);
int run_tape_pointwise(void);
int run_tape_rows(void);
int run_golden(void);
int run_sample(void);

#endif
