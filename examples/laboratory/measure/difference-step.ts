/** differenceStep: for Hessian-vector products of ReLU networks. */

/**
 * Step size for differences of gradients, in double precision. At the default, 4e-7 here, 2 of the 12 networks of 8x32 have a
 * ReLU kink between the two points at step 0. Their eigenvalues are in the thousands, and the products are far from symmetric (see
 * the report's asymmetry). At 1e-8 and 1e-9, the eigenvalues of all networks agree to four digits.
 */
export const DIFFERENCE_STEP = 1e-8;
