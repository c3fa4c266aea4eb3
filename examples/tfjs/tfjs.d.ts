// Lets the example be type-checked without TensorFlow.js installed.
declare module "@tensorflow/tfjs";
